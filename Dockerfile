# Anything with Node 24, npm and a shell: both stages run on it.
ARG BASE=node:24-slim

FROM ${BASE} AS build
# The package mirror, where npm is not to ask the public registry. It does not get into the image.
ARG NPM_CONFIG_REGISTRY
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
# Without scripts: the one that matters would fetch another Node, which is meant for checkouts.
RUN npm ci --ignore-scripts
COPY tsconfig.json ./
COPY build build
COPY src src
# The last step is for checkouts that nobody but their owner may read.
RUN npm run build && chmod -R a+rX package.json dist && chmod a+x dist/main.cjs

FROM ${BASE}
LABEL org.opencontainers.image.title="image-cloner" \
      org.opencontainers.image.description="Keeps a private copy of every public image a cluster uses" \
      org.opencontainers.image.licenses="Apache-2.0"
ENV NODE_ENV=production
WORKDIR /app
COPY --from=build /app/package.json ./
COPY --from=build /app/dist dist
# For `kubectl exec`.
RUN ln -s /app/dist/main.cjs /usr/local/bin/image-cloner
# As a number, so that Kubernetes sees that it is not root.
USER 65532:65532
EXPOSE 8443 9090
ENTRYPOINT ["node", "/app/dist/main.cjs"]
CMD ["serve"]
