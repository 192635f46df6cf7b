# The relay on Debian 12, as a user of its own.
#
#   docker build -t ohttp-relay .
#   docker run -p 8443:8443 --ulimit nofile=16384:16384 --stop-timeout 660 \
#       -v /etc/ohttp-relay:/etc/ohttp-relay:ro ohttp-relay
#
# The limits are those of conf.example: descriptors, and how long streams may
# last after a stop.  Metrics: see docs/operating.md.
#
# /etc/ohttp-relay holds tls.crt and tls.key, readable by user 900, and whatever
# else the configuration names.  A configuration of your own is mounted over
# /etc/nginx/nginx.conf.

FROM debian:bookworm-slim AS build

RUN apt-get update \
    && apt-get install -y --no-install-recommends make

WORKDIR /src
COPY Makefile config ngx_ohttp_relay_module.c ./
COPY .ci .ci/
COPY src src/
RUN make build


FROM debian:bookworm-slim

# nginx starts without root: what it writes to belongs to its user
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates \
        libhiredis0.14 libjansson4 libjwt0 nginx \
    && rm -rf /var/lib/apt/lists/* \
    && groupadd --system --gid 900 ohttp-relay \
    && useradd --system --uid 900 --gid 900 --no-create-home \
        --home-dir /nonexistent --shell /usr/sbin/nologin ohttp-relay \
    && install -d -o ohttp-relay -g ohttp-relay \
        /run/ohttp-relay /var/lib/nginx /var/lib/ohttp-relay \
        /etc/ohttp-relay

COPY --from=build /src/build/ngx_ohttp_relay_module.so /usr/lib/nginx/modules/
COPY conf.example /etc/nginx/nginx.conf

USER ohttp-relay
EXPOSE 8443
STOPSIGNAL SIGQUIT
CMD ["nginx", "-g", "daemon off;"]
