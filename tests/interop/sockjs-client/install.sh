# need_clients: the SockJS clients and sockjs-node, visible to node. For the scripts that source lib.sh.
# shellcheck shell=bash

make_clients() { # make_clients DIRECTORY NAME
  make_npm_of "$1" "$2" &&
    # npm has 1.0.3 only as sources.
    NODE_PATH=$CACHE/$2/node_modules node "$1/bundle.js" client-1.0.3 "$CACHE/$2/sockjs-1.0.3.js"
}

need_clients() { need_npm_of "$INTEROP_DIR/sockjs-client" sockjs-client make_clients; }

# The Chromium that the pages run in; leaves its path in $BROWSER.
need_chromium() {
  BROWSER=${CHROMIUM:-$(command -v chromium || true)}
  [[ -n $BROWSER ]] || { need_debian chromium && BROWSER=$(command -v chromium); }
}
