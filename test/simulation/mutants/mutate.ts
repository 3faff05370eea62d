// node --import ./test/simulation/mutants/mutate.ts … with MUTANT=name: loads the sources with one rule turned off.
import { registerHooks } from 'node:module'
import { MUTANTS } from './mutants.ts'

const mutant = MUTANTS.find(({ name }) => name === process.env.MUTANT)
if (mutant === undefined) throw new Error(`no mutant is called "${process.env.MUTANT}"`)

registerHooks({
  load(url, context, nextLoad) {
    const loaded = nextLoad(url, context)
    if (!url.endsWith(`/${mutant.file}`)) return loaded
    const source = String(loaded.source)
    if (source.split(mutant.find).length !== 2)
      throw new Error(`"${mutant.find}" stands not once in ${mutant.file}`)
    return { ...loaded, source: source.replace(mutant.find, mutant.replace) }
  },
})
