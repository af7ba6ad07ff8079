# layers.awk LAYERS.TXT -: reads what each layer may include ("otp: runtime store", one a line), then
# includes as `grep -n` prints them; prints those that the layers do not allow and exits 1.
#
# A tool's app/ may include every layer but node, tools/resp and tools/tenant, which are what some of them have in common, and
# other tools' app/NAME.hpp, which only send terms; tools/resp and a folder beside app/, which is a part of it, the layers;
# tools/tenant those and kv's app/kv.hpp; the rest of a tool, its client, sees tools/common, base and term; tools/beamd sees
# all. Tests see all.

function allow(layer, other,    names, i, n) {
    if ((layer, other) in allowed) return
    allowed[layer, other] = 1
    n = split(uses[other], names, " ")
    for (i = 1; i <= n; ++i) allow(layer, names[i])
}

FNR == NR {
    layer = $1
    sub(/:$/, "", layer)
    $1 = ""
    uses[layer] = $0
    order[++count] = layer
    next
}

!ready {
    for (i = 1; i <= count; ++i) allow(order[i], order[i])
    ready = 1
}

function refuse(why) {
    printf "%s:%s: includes %s: %s\n", file, line, target, why
    bad = 1
}

{
    split($0, part, ":")
    file = part[1]
    line = part[2]
    target = $0
    sub(/^[^"]*"/, "", target)
    sub(/".*/, "", target)
    n = split(file, from, "/")
    m = split(target, to, "/")

    if (from[1] != "libbeamcore" && from[1] != "tools") next
    if (to[1] != "libbeamcore" && to[1] != "tools") {
        refuse("an include of ours is the path from the top")
        next
    }
    if (to[1] == "libbeamcore" && to[3] == "internal" && !(from[1] == "libbeamcore" && from[2] == to[2])) {
        refuse("internal/ is its own layer's only")
        next
    }
    if (from[1] == "libbeamcore") {
        if (!(from[2] in uses)) {
            if (!(from[2] in unknown)) refuse("layer " from[2] " has no beam_layer() of its own")
            unknown[from[2]] = 1
        } else if (to[1] == "tools") refuse("the library does not know the tools")
        else if (!((from[2], to[2]) in allowed))
            refuse("layer " from[2] " does not use " to[2] ": see libbeamcore/" from[2] "/CMakeLists.txt")
        next
    }
    # A tool.
    if (from[2] == "beamd") next
    if (to[1] == "tools") {
        if (to[2] == from[2] || to[2] == "common") next
        if (from[3] == "app" && (to[2] == "resp" || to[2] == "tenant")) next
        if ((from[3] == "app" || from[2] == "tenant") && to[3] == "app" && to[4] == to[2] ".hpp") next
        refuse("of another tool only app/NAME.hpp may be included, and by an application")
        next
    }
    if (n > 3 || from[2] == "resp" || from[2] == "tenant") {
        if (to[2] == "node") refuse("an application does not know the node")
        next
    }
    if (to[2] != "base" && to[2] != "term")
        refuse("a client includes base and term only, so that it starts fast")
}

END { exit bad }
