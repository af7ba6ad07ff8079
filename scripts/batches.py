"""batches.py MAX FILE...: which sources can be compiled as one. Prints a line a FILE: the number of its batch; and "first", if
the headers must come before all sources, which have names that mean something else in them.

Sources that would clash in one are kept apart by a look at the text: two of their local names are the same, or one has for
itself a name that a header has for something else, which others may mean. Where that is not enough the compiler says so.
Of the look: scripts/tidy. Of the numbers: scripts/cmake/BeamUnity.cmake.
"""
import os
import re
import sys


FORMS = (
    r"(?:class|struct|union|enum(?: class)?) (\w+)",
    r"using (\w+) =",
    r"[^=({\[]*?(\w+)(?:\[.*?\])?(?: =|;|\{| \{)",
    r"(?:\[\[nodiscard\]\] )?[^=({\[]*?(\w+)\(",
)


def names_in(lines):
    """What they define. clang-format puts each definition of a namespace at a line's begin."""
    found = (next(filter(None, (re.match(form, line) for form in FORMS)), None) for line in lines)
    return {f[1] for f in found if f}


def local_names(text):
    """The names that a source keeps to itself: of its anonymous namespaces, and static functions. What only differs in its
    parameters counts as the same: a call could mean either."""
    lines = re.findall(r"^static [^=({]*?\w+\(.*$", text, re.M)
    for block in re.findall(r"^namespace \{\n(.*?)^\}  // namespace$", text, re.M | re.S):
        lines += re.findall(r"^[A-Za-z_\[].*$", block, re.M)
    # These may be said twice.
    return names_in(line for line in lines if not re.match(r"using (namespace |(?:\w+::)+\w+;)", line))


def borrowed_names(text):
    """Those of other namespaces that it says it means."""
    return {name for names in re.findall(r"^using ((?:\w+::)+\w+);", text, re.M) for name in [names.rpartition("::")[2]]}


def spaces_of(text):
    return set(re.findall(r"^namespace ([\w:]+) \{", text, re.M))


class Headers:
    """What the headers of the project declare, by namespace."""

    def __init__(self, root):
        self.root = root
        self.seen = set()
        self.names = {}

    def read(self, text):
        for name in re.findall(r'^[ \t]*#[ \t]*include[ \t]+"([^"]+)"', text, re.M):
            path = os.path.join(self.root, name)
            if name in self.seen or not os.path.exists(path):
                continue
            self.seen.add(name)
            with open(path, encoding="utf-8", errors="replace") as header:
                inner = header.read()
            self.read(inner)
            declared = names_in(re.findall(r"^[A-Za-z_\[].*$", inner, re.M))
            for space in spaces_of(inner):
                self.names.setdefault(space, set()).update(declared)

    def shared_with(self, text):
        """Which of the source's own names they have too, mostly for something else."""
        own = local_names(text) | borrowed_names(text)
        spaces = spaces_of(text) | opened(text)
        return own & set().union(*(self.names.get(space, set()) for space in spaces))


def opened(text):
    """The namespaces whose names it has without saying so, which may be ambiguous beside another's."""
    return set(re.findall(r"^using namespace ([\w:]+(?<!_literals));", text, re.M))


def batches(texts, most):
    """{file: text} as lists of at most MOST files, each file in the first one that it fits in; and for each whether the
    headers must come first."""
    headers = Headers(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    for text in texts.values():
        headers.read(text)
    apart = []  # of these, each is [names, what all its files must have alike, files]
    for file, text in texts.items():
        names, alike = local_names(text), (opened(text), headers.shared_with(text))
        fits = (b for b in apart if len(b[2]) < most and b[1] == alike and not b[0] & names)
        batch = next(fits, None)
        if batch is None:
            apart.append(batch := [set(), alike, []])
        batch[0] |= names
        batch[2].append(file)
    return [(files, bool(shared) and len(files) > 1) for _, (_, shared), files in apart]


def main():
    most, *files = sys.argv[1:]
    texts = {}
    for file in files:
        with open(file, encoding="utf-8", errors="replace") as source:
            texts[file] = source.read()
    words = {}
    for number, (batch, headers_first) in enumerate(batches(texts, int(most))):
        words |= dict.fromkeys(batch, f"{number} first" if headers_first else f"{number}")
    print(*(words[file] for file in files), sep="\n")


if __name__ == "__main__":
    main()
