// Preloaded into each Pod of the demo: whatever ends the demo, SIGKILL included, ends its Pods too.
process.once('disconnect', () => process.exit())
process.channel?.unref()
