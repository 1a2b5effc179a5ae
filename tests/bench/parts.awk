# Of "nm -C --print-size --radix=d": what the parts of the library take, by the names of functions
# and tables. What has no name of its own, as most texts, is in none of them.
function part(name) {
    if (name ~ /^core::ops::function::FnOnce|compiler_builtins|^mem(cpy|set|move|cmp)|^__aeabi/)
        return ""
    if (name ~ /tls::crypto::p256|p256::|primeorder|elliptic_curve|ecdsa|rfc6979/)
        return "P-256"
    if (name ~ /tls::rsa/)
        return "RSA, verifying and signing"
    if (name ~ /^<?(aes|aes_gcm|ghash|polyval|ctr|aead|cipher|universal_hash)::|tls::crypto::aead/)
        return "AES-GCM"
    if (name ~ /^<?(sha2|hmac|hkdf|digest|block_buffer|crypto_common)::|tls::crypto::hash/)
        return "SHA-2, HMAC, HKDF"
    if (name ~ /webpki|rustls_pki_types|untrusted|tls::verifier|tls::der/)
        return "certificates"
    if (name ~ /tls::pem|pem_rfc|base64ct|tls::credentials/)
        return "credentials, PEM"
    if (name ~ /iot_thing::tls/)
        return "TLS itself"
    if (name ~ /iot_thing::mqtt/)
        return "MQTT"
    if (name ~ /iot_thing::(shadow|thing::shadow)/)
        return "shadows, properties"
    if (name ~ /iot_thing::json/)
        return "JSON"
    if (name ~ /iot_thing::(thing|net|port)/)
        return "the Thing: connection, outbox, events"
    if (name ~ /iot_thing::|iot_thing_/)
        return "the C face"
    return ""
}

$3 ~ /^[tTrR]$/ {
    size = $2
    sub(/^[^ ]+ [^ ]+ . /, "")
    if ((name = part($0)) == "") name = "everything else with a name"
    if (!(name in sum)) order[++count] = name
    sum[name] += size
}

END {
    for (i = 1; i <= count; i++) {
        for (j = i + 1; j <= count; j++) {
            if (sum[order[j]] > sum[order[i]]) {
                swap = order[i]
                order[i] = order[j]
                order[j] = swap
            }
        }
        print "of it: " order[i] "\t" sum[order[i]]
    }
}
