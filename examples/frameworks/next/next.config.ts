import type { NextConfig } from 'next'

export default {
  // Not bundled: route handlers and server.ts then share one copy of the package.
  serverExternalPackages: ['sser'],
} satisfies NextConfig
