# Of results.tsv: the longest single poll of each stage, for docs/porting.md, in millions.
BEGIN {
    FS = "\t"
    columns = split("|RSA chain: |Cortex-M3: |Cortex-M3, RSA chain: ", prefix, "|")
    count = split("iot_thing_init|longest poll: looking up the name|longest poll: TCP connection|" \
        "poll of the handshake: key pair|poll of the handshake: key exchange|" \
        "poll of the handshake: the server's certificates|" \
        "poll of the handshake: the server's proof|poll of the handshake: our signature|" \
        "longest poll: CONNECT|longest poll: subscribing|longest poll online|" \
        "longest poll: 16 messages of 4,000 bytes at once|longest poll online, no TLS|" \
        "longest poll: 16 messages of 4,000 bytes at once, no TLS", row, "|")
    split("`iot_thing_init`, TLS|looking up the name|TCP connection|handshake: key pair|" \
        "handshake: key exchange|handshake: the server's certificates|" \
        "handshake: the server's proof|handshake: our signature|CONNECT|" \
        "subscribing, reading the shadow|online, 4 KB message|online, 16 messages of 4,000 bytes at once|" \
        "online without TLS, 8 KB delta|online without TLS, 16 messages of 4,000 bytes at once", title, "|")
}

{ measured[$1] = $2 }

END {
    print "| Stage | Cortex-M4, M7: `p256-dsp` | the same, RSA chain | Cortex-M3: portable P-256 |" \
        " the same, RSA chain |"
    print "|---|---:|---:|---:|---:|"
    for (i = 1; i <= count; i++) {
        line = "| " title[i] " |"
        for (column = 1; column <= columns; column++) {
            name = prefix[column] row[i]
            line = line (name in measured ? sprintf(" %.2g", measured[name] / 1000000) : "") " |"
        }
        print line
    }
}
