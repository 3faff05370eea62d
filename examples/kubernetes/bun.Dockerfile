# The example on Bun: one file, and no node_modules. From the root of the repository:
#   docker build -f examples/kubernetes/bun.Dockerfile -t example/sser:1 .
FROM oven/bun:1 AS build
WORKDIR /build
COPY package.json package-lock.json ./
RUN bun install --frozen-lockfile --ignore-scripts
# Copied by name, so that a .env or an .npmrc with a token stays outside.
# The compiler's paths lead from the package's name to its sources.
COPY tsconfig.json tsconfig.base.json ./
COPY src src
COPY examples/kubernetes/server.ts examples/kubernetes/
# The external package is needed only to read a kubeconfig in the Pod.
RUN bun build examples/kubernetes/server.ts --target=bun --external=@kubernetes/client-node --outfile=server.js

FROM oven/bun:1-slim
# Disables Bun's transpiler cache, because the file system is read-only.
ENV NODE_ENV=production BUN_RUNTIME_TRANSPILER_CACHE_PATH=0
WORKDIR /app
COPY --from=build /build/server.js ./
# A number, because runAsNonRoot cannot check a name. The user owns no files, and writes none.
USER 1000:1000
EXPOSE 8000 7000
# As a list, because a shell in between would not pass SIGTERM on, and the Pod would not drain.
ENTRYPOINT ["bun", "server.js"]
