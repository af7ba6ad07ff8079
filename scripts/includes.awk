# includes.awk FILE...: for each .cpp among the FILEs, one line: its path and those of all headers
# among the FILEs that it includes, directly or not.

function visit(file,    names, i, n) {
    if (seen[file] == root) return
    seen[file] = root
    printf " %s", file
    n = split(includes[file], names, " ")
    for (i = 1; i <= n; ++i) visit(names[i])
}

FNR == 1 { known[FILENAME] = 1 }

/^[ \t]*#[ \t]*include[ \t]+"/ {
    split($0, part, "\"")
    includes[FILENAME] = includes[FILENAME] " " part[2]
}

END {
    for (root in known) {
        if (root !~ /\.cpp$/) continue
        printf "%s", root
        visit(root)
        printf "\n"
    }
}
