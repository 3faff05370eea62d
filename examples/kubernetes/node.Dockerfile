# The example on Node: one file, and no node_modules. From the root of the repository:
#   docker build -f examples/kubernetes/node.Dockerfile -t example/sser:1 .
FROM node:24-slim AS build
WORKDIR /build
COPY package.json package-lock.json ./
RUN npm ci
# Named one by one, and never all: a .env or an .npmrc with a token stays outside.
COPY src src
COPY examples/kubernetes/server.ts examples/kubernetes/
# Bun bundles for Node, too. Whoever reads a kubeconfig in the Pod needs the package that stays outside.
RUN npx bun build examples/kubernetes/server.ts --target=node --external=@kubernetes/client-node --outfile=server.mjs

FROM node:24-slim
ENV NODE_ENV=production
WORKDIR /app
COPY --from=build /build/server.mjs ./
# A number, for runAsNonRoot to check. A user that owns nothing here, and needs to write nothing.
USER 1000:1000
EXPOSE 8000 7000
# As a list: with a shell between, SIGTERM would not arrive, and nobody would drain.
ENTRYPOINT ["node", "server.mjs"]
