# syntax=docker/dockerfile:1
#
# The agent's image: novaroute-agent, novaroutectl, novaroute-northbound and nothing else.
#
#   docker buildx build --platform linux/amd64,linux/arm64 -t novaroute-agent .
#
# FRR_IMAGE gives the default YANG models, for `validate` without a cluster. In a pod the models are those
# of the FRR beside the agent: an init container copies them (deploy/base/daemonset.yaml).

ARG FRR_IMAGE=quay.io/frrouting/frr:10.5.1
ARG RUST_IMAGE=rust:1-slim-trixie

FROM ${FRR_IMAGE} AS frr

FROM ${RUST_IMAGE} AS build
# For libyang, which is compiled from source and linked statically.
RUN apt-get update && \
    apt-get install -y --no-install-recommends cmake gcc g++ libc6-dev libpcre2-dev make && \
    rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY Cargo.toml Cargo.lock build.rs ./
COPY .cargo .cargo
COPY proto proto
COPY yang yang
COPY src src
# Not built here, but Cargo.toml names them.
COPY benches benches
COPY tests/frr_transactions tests/frr_transactions
ARG TARGETARCH
# What was compiled stays for the next build, apart for each architecture.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,id=novaroute-target-${TARGETARCH},target=/src/target \
    cargo build --release --locked --bins && \
    install -D -t /out target/release/novaroute-agent target/release/novaroutectl \
        target/release/novaroute-northbound
COPY deploy/agent/rootfs.sh /src/rootfs.sh
COPY --from=frr /usr/share/yang /frr-yang
# The numbers of `frr` in FRR's image; deploy/frr/Dockerfile holds that they are.
ARG FRR_UID=100
ARG FRR_GID=101
ARG FRRVTY_GID=102
RUN FRR_UID="$FRR_UID" FRR_GID="$FRR_GID" FRRVTY_GID="$FRRVTY_GID" /src/rootfs.sh /rootfs /out /frr-yang

FROM scratch
COPY --from=build /rootfs /
USER 100:101
# Metrics and health. Nothing else listens on the network.
EXPOSE 9102
ENTRYPOINT ["/usr/local/bin/novaroute-agent"]
CMD ["--config=/etc/novaroute/config.json"]
