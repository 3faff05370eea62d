import type { NextConfig } from 'next'

// biome-ignore lint/style/noDefaultExport: as Next wants it
export default {
  // Not bundled: route handlers and server.ts then share one copy of the package.
  serverExternalPackages: ['sser'],
} satisfies NextConfig
