// Imported first by each Pod of the demo, so that its Pods end with the demo, even after a SIGKILL.
if (process.send !== undefined) {
  process.once('disconnect', () => process.exit())
  process.channel?.unref()
  if (!process.connected) process.exit()
}

export {}
