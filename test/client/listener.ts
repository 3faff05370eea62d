/** A process that prints what a client receives from the server at its argument, and ends after two events. */
import { connect } from '../../src/client.ts'

const client = connect(`${process.argv[2]}/events`)
client.state.subscribe((state) => console.log(state))
let events = 0
client.stream<number>('numbers').on((n) => {
  console.log(`event ${n}`)
  events += 1
  if (events === 2) client.close()
})
