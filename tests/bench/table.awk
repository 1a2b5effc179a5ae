# Joins budgets.tsv, the committed results and the new results (three files, in this order) and
# prints them as text or markdown. Exit code 1: a figure has grown by more than its tolerance.
FNR == 1 { file++ }
file < 3 && /^#/ { next }
file == 1 { budget[$1] = $2; others[$1] = $3; next }
file == 2 { before[$1] = $2; next }

# The parts of a program are not judged, the whole is: they change when a function is inlined.
function tolerance(name) {
    if (name ~ /^of it:/) return 1000
    if (name ~ /^stack:|: stack:/) return stack
    if (name ~ /^(flash|RAM)|: (flash|RAM)/) return size
    return instructions
}

function with_commas(n, out) {
    if (n == "") return ""
    for (out = ""; length(n) > 3; n = substr(n, 1, length(n) - 3)) {
        out = "," substr(n, length(n) - 2) out
    }
    return n out
}

function heading(title) {
    if (format == "markdown") {
        print "\n## " title "\n"
        print "| | measured | budget | others |"
        print "|---|---:|---:|---|"
    } else {
        printf "\n%-62s %12s %12s %12s  %s\n", title, "measured", "committed", "budget", "others"
    }
}

BEGIN { FS = "\t" }
file == 3 && /^#/ { heading(substr($0, 3)); next }
file == 3 {
    mark = ""
    if ($1 in before && $2 > before[$1] * (1 + tolerance($1) / 100)) {
        mark = " GROWN"
        grown = 1
    }
    if (format == "markdown") {
        over = ($1 in budget && budget[$1] != "" && $2 + 0 > budget[$1] + 0)
        value = over ? "**" with_commas($2) "**" : with_commas($2)
        printf "| %s | %s | %s | %s |\n", $1, value, with_commas(budget[$1]), others[$1]
    } else {
        printf "%-62s %12s %12s %12s  %s%s\n", $1, with_commas($2), with_commas(before[$1]),
            with_commas(budget[$1]), others[$1], mark
    }
}
END { exit grown }
