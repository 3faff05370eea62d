/** Deletes the environment variables of a Pod or a developer's machine; returns a function that restores them. */
export function bareEnvironment(): () => void {
  const before = { ...process.env }
  for (const name of Object.keys(before)) if (/^(POD_|KUBE)/.test(name)) delete process.env[name]
  return () => {
    for (const name of Object.keys(process.env)) if (!(name in before)) delete process.env[name]
    Object.assign(process.env, before)
  }
}
