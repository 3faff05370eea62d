# The example on Node: one file, and no node_modules. From the root of the repository:
#   docker build -f examples/kubernetes/node.Dockerfile -t example/sser:1 .
FROM node:24-slim AS build
WORKDIR /build
COPY package.json package-lock.json ./
RUN npm ci
# Copied by name, so that a .env or an .npmrc with a token stays outside.
# The compiler's paths lead from the package's name to its sources.
COPY tsconfig.json tsconfig.base.json ./
COPY src src
COPY examples/kubernetes/server.ts examples/kubernetes/
# Bun bundles for Node as well. The external package is needed only to read a kubeconfig in the Pod.
RUN npx bun build examples/kubernetes/server.ts --target=node --external=@kubernetes/client-node --outfile=server.mjs

FROM node:24-slim
ENV NODE_ENV=production
WORKDIR /app
COPY --from=build /build/server.mjs ./
# A number, because runAsNonRoot cannot check a name. The user owns no files, and writes none.
USER 1000:1000
EXPOSE 8000 7000
# As a list, because a shell in between would not pass SIGTERM on, and the Pod would not drain.
ENTRYPOINT ["node", "server.mjs"]
