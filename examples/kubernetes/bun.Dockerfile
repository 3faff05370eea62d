# The example on Bun: one file, and no node_modules. From the root of the repository:
#   docker build -f examples/kubernetes/bun.Dockerfile -t example/sser:1 .
FROM oven/bun:1 AS build
WORKDIR /build
COPY package.json package-lock.json ./
RUN bun install --frozen-lockfile --ignore-scripts
# Named one by one, and never all: a .env or an .npmrc with a token stays outside.
COPY src src
COPY examples/kubernetes/server.ts examples/kubernetes/
# Whoever reads a kubeconfig in the Pod needs the package that stays outside.
RUN bun build examples/kubernetes/server.ts --target=bun --external=@kubernetes/client-node --outfile=server.js

FROM oven/bun:1-slim
# Bun keeps what it has transpiled; here is nothing to keep, and the file system is read-only.
ENV NODE_ENV=production BUN_RUNTIME_TRANSPILER_CACHE_PATH=0
WORKDIR /app
COPY --from=build /build/server.js ./
# A number, for runAsNonRoot to check. A user that owns nothing here, and needs to write nothing.
USER 1000:1000
EXPOSE 8000 7000
# As a list: with a shell between, SIGTERM would not arrive, and nobody would drain.
ENTRYPOINT ["bun", "server.js"]
