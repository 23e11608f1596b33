# The agent's image: novaroute-agent, novaroutectl, novaroute-northbound, on Debian slim.
#
#   docker build --build-arg FRR_IMAGE=IMAGE:TAG -t novaroute-agent .
#
# FRR_IMAGE is the image that runs beside the agent: its YANG models are copied, because the agent
# has to know the models of the FRR in use. Build anew when FRR's version changes, or mount
# the models and set frr.yang_dir.
#
# Not built by this project's tests: they run on machines without a container engine.

ARG FRR_IMAGE=novaroute-frr:10.5.1
ARG RUST_IMAGE=rust:1-slim-trixie

FROM ${FRR_IMAGE} AS frr

FROM ${RUST_IMAGE} AS build
# For libyang, which is compiled from source and linked statically.
RUN apt-get update && \
    apt-get install -y --no-install-recommends cmake gcc g++ libc6-dev libpcre2-dev make && \
    rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY Cargo.toml Cargo.lock build.rs ./
COPY proto proto
COPY yang yang
COPY src src
RUN cargo build --release --locked --bins

FROM debian:trixie-slim
# All else but libc and PCRE is in the binaries.
RUN apt-get update && \
    apt-get install -y --no-install-recommends libpcre2-8-0 && \
    rm -rf /var/lib/apt/lists/*
# The user must have the numbers of `frr` in FRR_IMAGE: FRR lets only its own user (or root) open mgmtd's
# frontend socket (mode 0700), and the group frrvty the others (0770).
ARG FRR_UID=92
ARG FRR_GID=92
ARG FRRVTY_GID=85
RUN groupadd --system --gid "$FRR_GID" frr && \
    groupadd --system --gid "$FRRVTY_GID" frrvty && \
    useradd --system --uid "$FRR_UID" --gid frr --groups frrvty --no-create-home \
        --home-dir /nonexistent --shell /usr/sbin/nologin frr && \
    install -d -o frr -g frr /run/novaroute
COPY --from=frr /usr/share/yang /usr/share/yang
COPY --from=build /src/target/release/novaroute-agent /src/target/release/novaroutectl \
    /src/target/release/novaroute-northbound /usr/local/bin/
USER frr
# Metrics and health. Nothing else listens on the network.
EXPOSE 9102
ENTRYPOINT ["/usr/local/bin/novaroute-agent"]
CMD ["--config=/etc/novaroute/config.json"]
