/** Maximum lead of one branch of a tee over the other, in bytes. */
const MAX_LAG_BYTES = 65_536

interface Branch {
  controller: ReadableStreamDefaultController<Uint8Array>
  isOpen: boolean
}

/**
 * A byte stream with a bounded `tee()`, which `Response.clone()` calls under Node 22 and 24. The faster branch waits for the
 * slower one, because the standard's `tee()` buffers the difference without limit.
 * @see https://streams.spec.whatwg.org/#rs-tee
 */
export class BoundedTeeStream extends ReadableStream<Uint8Array> {
  override tee(): [ReadableStream<Uint8Array>, ReadableStream<Uint8Array>] {
    const reader = this.getReader()
    const branches: Branch[] = []
    let isWanted = false
    let isReading = false
    const close = () => {
      for (const branch of branches) if (branch.isOpen) branch.controller.close()
    }
    const fail = (error: unknown) => {
      for (const branch of branches) if (branch.isOpen) branch.controller.error(error)
    }
    const read = () => {
      if (isReading || !isWanted) return
      // With a high-water mark of 0 the desired size is minus the bytes that are queued.
      if (branches.some(({ isOpen, controller }) => isOpen && -(controller.desiredSize ?? 0) > MAX_LAG_BYTES))
        return
      isReading = true
      isWanted = false
      reader.read().then(({ done, value }) => {
        isReading = false
        if (done) return close()
        for (const branch of branches) if (branch.isOpen) branch.controller.enqueue(value)
        read()
      }, fail)
    }
    const branch = () => {
      const self = {} as Branch
      return new BoundedTeeStream(
        {
          start(controller) {
            Object.assign(self, { controller, isOpen: true })
            branches.push(self)
          },
          pull() {
            isWanted = true
            read()
          },
          cancel(reason) {
            self.isOpen = false
            if (branches.every(({ isOpen }) => !isOpen)) return reader.cancel(reason)
            read()
            return undefined
          },
        },
        { highWaterMark: 0, size: (chunk) => chunk?.byteLength ?? 0 },
      )
    }
    return [branch(), branch()]
  }
}
