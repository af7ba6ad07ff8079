# Raw figures of all runs (slurped JSON lines, `variant` where a subject runs in several ways) to one
# object a figure and subject, or to the table's rows. $figures: tests/bench/figures.txt, parsed.

def median: sort | if length % 2 == 1 then .[length / 2 | floor]
                   else (.[length / 2 - 1] + .[length / 2]) / 2 end;

# The better of a subject's variants, each taken by its median.
def summary:
    group_by([.bench, .subject, .variant])
    | map({bench: .[0].bench, subject: .[0].subject, value: (map(.value) | median),
           unit: .[0].unit, better: .[0].better, runs: length}
          + if .[0].variant then {variant: .[0].variant} else {} end)
    | group_by([.bench, .subject])
    | map(if .[0].better == "higher" then max_by(.value) else min_by(.value) end);

def show: if . == null then "-" elif . >= 1000 then round | tostring
          elif . >= 10 then . * 10 | round / 10 | tostring else . * 100 | round / 100 | tostring end;
def times: if . == null then "-" else show + "x" end;

# A bound's value, or null where it needs a value that was not measured.
def bound($values; $mine):
    capture("^(?<name>[a-z_][a-z_0-9]*)?(?<op>[*/])?(?<number>[0-9.]+)?$")
    | (.number // "1" | tonumber) as $n
    | if .name == null then $n
      else ($values[.name] // $mine[.name]) as $v
      | if $v == null then null elif .op == "/" then $v / $n else $v * $n end end;

def table($figures):
    summary
    | . as $all
    | (map(select(.subject == "beamcore") | {(.bench): .value}) | add // {}) as $mine
    | $figures[]
    | . as $f
    | ($all | map(select(.bench == $f.bench))) as $rows
    | select($rows | length > 0)
    | ($rows | map({(.subject): .value}) | add) as $v
    | ($v.otp // $v.elixir) as $beam
    | ($rows | map(select(.subject == "otp" or .subject == "elixir"))[0].variant) as $variant
    | $v.beamcore as $own
    | ($rows | map(select(.subject == "beamcore"))[0].variant) as $engine
    # One of several, where several measure it: the one that a bound is about.
    | ($f.bounds | map(capture("^(?<name>[a-z]+)").name) | map(select(. == "redis" or . == "etcd"))[0]) as $asked
    | ($v.go // $v[$asked // "redis"] // $v.redis // $v.etcd) as $peer
    | ($f.bounds | map(bound($v; $mine))) as $limits
    | [ $f.bench, $rows[0].unit, ($own | show) + (if $engine then " " + $engine else "" end),
        ($beam | show) + (if $variant then " " + $variant else "" end),
        ($peer | show),
        (if $own and $beam then $beam / $own else null end | times),
        (if $own and $peer then $peer / $own else null end | times),
        ($f.bounds | map("<= " + .) | join(", ")),
        ($limits | map(show) | join(", ")),
        (if $own == null then "not measured"
         elif any($limits[]; . != null and $own > .) then "NO"
         elif any($limits[]; . == null) then "not known"
         else "yes" end) ]
    | @tsv;

def figures: split("\n") | map(select(test("^[a-z]")) | [splits(" +")]
             | {bench: .[0], group: .[1], peers: (.[2] / ","), bounds: .[3:]});
