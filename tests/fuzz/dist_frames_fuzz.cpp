// What a peer says once it is connected: frames and control messages, up to the terms in them. Of any bytes: cut anywhere
// they are the same frames, memory is in proportion to what came, the quick way to read a control message agrees with
// the slow one, and what was read, written again, is read the same.
#include <fuzzer/FuzzedDataProvider.h>

#include <algorithm>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "libbeamcore/dist/control_reader.hpp"
#include "libbeamcore/dist/control_writer.hpp"
#include "libbeamcore/dist/frame_reader.hpp"
#include "tests/fuzz/claim.hpp"

using namespace beam;
using namespace beam::dist;

namespace {

constexpr std::size_t atoms_max = 20'000;

const node_identity& self() {
    static const node_identity e3{atom("e3@127.0.0.1"), 0x6b00f716};
    return e3;
}

struct kept_frame {
    std::string terms;
    bool with_version = true;
    std::vector<atom> references;
    friend bool operator==(const kept_frame&, const kept_frame&) = default;
};

struct all_frames {
    std::vector<kept_frame> frames;
    std::string code;
    std::uint64_t ticks = 0;
    friend bool operator==(const all_frames&, const all_frames&) = default;
};

all_frames read_frames(flags f, const frame_limits& limits, std::string_view bytes,
                       std::size_t piece_max, unsigned seed) {
    std::minstd_rand random(seed);
    etf::atom_budget budget(atoms_max);
    frame_reader r(f, budget, limits);
    all_frames found;
    std::size_t fed = 0;
    while (!bytes.empty() && found.code.empty()) {
        auto to = r.room();
        claim(!to.empty(), "there is room");
        const auto size =
            std::min({bytes.size(), to.size(), std::size_t(1 + random() % piece_max)});
        std::memcpy(to.data(), bytes.data(), size);
        r.filled(size);
        bytes.remove_prefix(size);
        fed += size;
        for (;;) {
            auto n = r.next();
            if (!n) found.code = n.error().code;
            if (!n || !*n) break;
            found.frames.push_back({std::string((*n)->terms),
                                    (*n)->with_version,
                                    {(*n)->references.begin(), (*n)->references.end()}});
        }
        claim(r.memory() <= 4 * fed + 100'000, "memory is taken for what has come only");
    }
    found.ticks = r.ticks();
    return found;
}

frame view_of(const kept_frame& k) {
    frame f;
    f.terms = k.terms;
    f.with_version = k.with_version;
    f.references = k.references;
    return f;
}

// As control_reader::read, by the decoder of terms alone.
result<control::message> read_by_terms(const frame& f, const etf::decode_options& options) {
    const auto tuple = etf::decode_prefix(f.terms, options);
    if (!tuple) return pass(tuple);
    return control::from_term(tuple->value);
}

void check_same_by_terms(const received_control& r, const frame& f,
                         const etf::decode_options& options) {
    auto slow = read_by_terms(f, options);
    claim(slow.has_value(), "what is read quickly is read slowly too");
    auto quick = r.control;
    // The slow way has no reasons and arguments from behind.
    auto drop = [](term& t) { t = term(); };
    for (auto* m : {&quick, &*slow}) {
        if (auto* e = std::get_if<control::link_exit>(m)) drop(e->reason);
        if (auto* e = std::get_if<control::exit>(m)) drop(e->reason);
        if (auto* e = std::get_if<control::monitor_exit>(m)) drop(e->reason);
        if (auto* e = std::get_if<control::spawn_request>(m)) drop(e->arguments);
    }
    claim(quick == *slow, "quickly and slowly read it is the same", f.terms);
}

void check_written_again(const received_control& r, flags f) {
    if (!r.payload.empty()) return;
    if (const auto* u = std::get_if<control::unlink>(&r.control); u && u->id == 0) return;
    control_writer w(self(), f);
    std::string out;
    auto written = w.write(out, r.control);
    claim(written.has_value(), "what was read can be written");
    output fragments;
    while (*written && !(*written)->at_end()) (*written)->next(fragments);
    out += fragments.copy();
    etf::atom_budget budget(atoms_max);
    frame_reader frames(f, budget);
    frames.feed(out);
    const auto again = frames.next();
    claim(again && *again, "what was written is a frame", out);
    control_reader reader(self(), budget);
    const auto read = reader.read(**again);
    claim(read && read->control == r.control, "written again it is the same", out);
}

void check_control(const kept_frame& k, flags f) {
    etf::atom_budget budget(atoms_max);
    control_reader reader(self(), budget);
    const frame view = view_of(k);
    const auto r = reader.read(view);
    if (!r) {
        claim(!r.error().code.empty(), "a failure has a code");
        return;
    }
    check_same_by_terms(*r, view, reader.payload_options(view));
    check_written_again(*r, f);
}

flags flags_of(unsigned choice) {
    return own_flags({.atom_cache = (choice & 1U) != 0, .fragments = (choice & 2U) != 0});
}

}  // namespace

extern "C" int LLVMFuzzerInitialize(int*, char***) {
    set_atom_limit(atoms_max);  // a run makes more than that
    return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    FuzzedDataProvider provider(data, size);
    const auto choice = provider.ConsumeIntegral<std::uint8_t>();
    const auto seed = provider.ConsumeIntegral<std::uint8_t>();
    const auto bytes = provider.ConsumeRemainingBytesAsString();
    const flags f = flags_of(choice);
    frame_limits limits;
    if ((choice & 4U) != 0) limits = {.frame_max = 100, .sequences_max = 2, .fragmented_max = 120};
    const auto whole = read_frames(f, limits, bytes, SIZE_MAX / 2, seed);
    claim(read_frames(f, limits, bytes, 1, seed) == whole, "byte by byte it is the same");
    claim(read_frames(f, limits, bytes, 40, seed) == whole, "cut into pieces it is the same");
    for (const auto& k : whole.frames) check_control(k, f);
    return 0;
}
