// notes: an application that keeps what it is told in kv, by kv's functions for other code.
#include <string>
#include <utility>
#include <vector>

#include "libbeamcore/otp/supervisor.hpp"
#include "libbeamcore/release/application_module.hpp"
#include "libbeamcore/term/syntax.hpp"
#include "tools/kv/app/kv.hpp"

namespace notes {

using beam::atom;
using beam::awaitable;
using beam::request;
using beam::term;

struct application {
    static awaitable<beam::start_result> start(term) {
        return beam::supervisor::start_link(beam::supervisor_flags{}, {});
    }
};

struct note {
    std::string about, text;
    BEAM_FIELDS(note, about, text)
};
struct subject {
    std::string about;
    BEAM_FIELDS(subject, about)
};

beam::answer refused(const term& why) {
    return beam::refuse("refused", beam::to_string(why), "kv cluster health", 1);
}

/// The text, and how many there were about it, in one write.
awaitable<beam::answer> keep(request&, note n) {
    std::vector<kv::transaction_part> both(2);
    both[0].key = "{" + n.about + "}:text";
    both[0].value = std::move(n.text);
    both[1].op = "incr";
    both[1].key = "{" + n.about + "}:times";
    auto keeping = kv::transact(std::move(both));
    const beam::outcome<kv::written> kept = co_await keeping;
    if (!kept) co_return refused(kept.error());
    co_return beam::map({{atom("version"), kept->version}});
}

awaitable<beam::answer> recall(request&, subject s) {
    auto reading = kv::get("{" + s.about + "}:text");
    const beam::outcome<kv::found> text = co_await reading;
    if (!text) co_return refused(text.error());
    auto counting = kv::incr("{" + s.about + "}:times", 0);
    const beam::outcome<kv::counted_to> times = co_await counting;
    if (!times) co_return refused(times.error());
    co_return beam::map({{atom("text"), text->value}, {atom("times"), times->value}});
}

awaitable<beam::answer> forget(request&, subject s) {
    auto erasing = kv::erase("{" + s.about + "}:text");
    const beam::outcome<kv::written> gone = co_await erasing;
    if (!gone) co_return refused(gone.error());
    co_return beam::map({{atom("version"), gone->version}});
}

}  // namespace notes

BEAM_APPLICATION(notes, "1") {
    app.spec.applications = {beam::atom("kv")};
    app.callbacks<notes::application>();
    app.method("keep", notes::keep);
    app.method("recall", notes::recall);
    app.method("forget", notes::forget);
}
