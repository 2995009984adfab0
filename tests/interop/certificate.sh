# shellcheck shell=bash
# make_certificate FOLDER: a self-signed certificate for localhost and 127.0.0.1, valid for two days;
# leaves $CERTIFICATE and $KEY. An EC key in PKCS#8, which rustls, OpenSSL and Node all read.
make_certificate() {
  CERTIFICATE=$1/certificate.pem
  KEY=$1/key.pem
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -sha256 -days 2 \
    -subj /CN=localhost -addext 'subjectAltName=DNS:localhost,IP:127.0.0.1' \
    -addext 'basicConstraints=critical,CA:FALSE' \
    -keyout "$KEY" -out "$CERTIFICATE" 2>"$1/certificate.log" || die "openssl cannot make a certificate: $1/certificate.log"
}
