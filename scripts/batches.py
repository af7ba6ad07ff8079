"""batches.py MAX FILE...: which sources can be compiled as one. Prints a line a FILE: the number of its batch.

Sources that would clash in one, as two of their local names are the same, are kept apart by a look at the text; where that
is not enough the compiler says so. Of the look: scripts/tidy. Of the numbers: scripts/cmake/BeamUnity.cmake.
"""
import re
import sys


def local_names(text):
    """The names that a source keeps to itself: of its anonymous namespaces, and static functions. clang-format puts
    each definition at a line's begin. What only differs in its parameters counts as the same: a call could mean either."""
    lines = re.findall(r"^static [^=({]*?(\w+\().*$", text, re.M)
    for block in re.findall(r"^namespace \{\n(.*?)^\}  // namespace$", text, re.M | re.S):
        lines += re.findall(r"^[A-Za-z_].*$", block, re.M)
    names = set()
    for line in lines:
        if re.match(r"using (namespace |(?:\w+::)+\w+;)", line):
            continue  # may be said twice
        for form in (
            r"(?:class|struct|union|enum(?: class)?) (\w+)",
            r"using (\w+) =",
            r"[^=({\[]*?(\w+)(?:\[.*?\])?(?: =|;|\{| \{)",
            r"[^=({]*?(\w+)\(",
        ):
            if found := re.match(form, line):
                names.add(found[1])
                break
    return names


def opened(text):
    """The namespaces whose names it has without saying so, which may be ambiguous beside another's."""
    return set(re.findall(r"^using namespace ([\w:]+(?<!_literals));", text, re.M))


def batches(texts, most):
    """{file: text} as lists of at most MOST files, each file in the first one that it fits in."""
    apart = []  # of these, each is [names, namespaces, files]
    for file, text in texts.items():
        names, spaces = local_names(text), opened(text)
        fits = (b for b in apart if len(b[2]) < most and b[1] == spaces and not b[0] & names)
        batch = next(fits, None)
        if batch is None:
            apart.append(batch := [set(), spaces, []])
        batch[0] |= names
        batch[2].append(file)
    return [files for *_, files in apart]


def main():
    most, *files = sys.argv[1:]
    texts = {}
    for file in files:
        with open(file, encoding="utf-8", errors="replace") as source:
            texts[file] = source.read()
    number = {file: i for i, batch in enumerate(batches(texts, int(most))) for file in batch}
    print(*(number[file] for file in files), sep="\n")


if __name__ == "__main__":
    main()
