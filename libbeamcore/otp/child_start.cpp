#include "libbeamcore/otp/child_start.hpp"

#include <atomic>
#include <memory>
#include <string_view>
#include <vector>

#include "libbeamcore/otp/module_table.hpp"

namespace beam {

namespace detail {

struct child_start_data {
    std::atomic<std::uint32_t> refs{1};
    callback<start_result()> now;
    callback<awaitable<start_result>()> later;
    atom application;
    atom name;
    term arguments;
    bool in_table = false;
    // Makes the start of other arguments.
    std::shared_ptr<const callback<child_start(const term&)>> make;
    child_start made;  // by it, of these arguments; does the work then
};

atom class_atom(const char* qualified_name) {
    std::string_view name = qualified_name;
    // The last `::` outside of template arguments.
    std::size_t from = 0, depth = 0;
    for (std::size_t i = 0; i + 1 < name.size(); ++i) {
        if (name[i] == '<' || name[i] == '(' || name[i] == '{') ++depth;
        if (name[i] == '>' || name[i] == ')' || name[i] == '}') --depth;
        if (depth == 0 && name[i] == ':' && name[i + 1] == ':') from = i + 2;
    }
    return atom(name.substr(from));
}

namespace {

term unknown_class(const child_start_data& d) {
    return tuple(atoms::undef, list({tuple(d.name, atom("start_link"), d.arguments)}));
}

start_result thrown() noexcept {
    return fail_term(tuple(atoms::EXIT, reason_of_current_exception()));
}

awaitable<start_result> start_kept([[maybe_unused]] child_start kept, const child_start_data& d) {
    try {
        if (d.made) {
            auto begun = d.made.start_waiting();
            start_result r = co_await begun;
            co_return r;
        }
        if (d.in_table) {
            module_table& table = module_table::current();
            if (table.births_are_held(d.application, d.name)) {
                auto waiting = table.wait_for_birth(d.application, d.name);
                co_await waiting;
            }
            auto entry = table.find(d.application, d.name);
            if (!entry) co_return fail_term(unknown_class(d));
            if (entry->factory.start_link) co_return entry->factory.start_link(d.arguments);
            if (!entry->factory.start_link_waiting) co_return fail_term(unknown_class(d));
            term arguments = d.arguments;
            auto begun = entry->factory.start_link_waiting(std::move(arguments));
            start_result r = co_await begun;
            co_return r;
        }
        if (d.now) co_return d.now();
        auto begun = d.later();
        start_result r = co_await begun;
        co_return r;
    } catch (...) {
        co_return thrown();
    }
}

}  // namespace

}  // namespace detail

child_start child_start::from_callback(callback<start_result()> start) {
    auto* d = new detail::child_start_data;
    d->now = std::move(start);
    return child_start(d);
}

child_start child_start::from_callback(callback<awaitable<start_result>()> start) {
    auto* d = new detail::child_start_data;
    d->later = std::move(start);
    return child_start(d);
}

child_start child_start::of_class(atom application, atom name, term arguments) {
    auto* d = new detail::child_start_data;
    d->application = application;
    d->name = name;
    d->arguments = std::move(arguments);
    d->in_table = true;
    return child_start(d);
}

child_start child_start::of_arguments(callback<child_start(const term&)> make, atom name,
                                      term arguments) {
    auto* d = new detail::child_start_data;
    child_start result(d);
    d->name = name;
    d->arguments = std::move(arguments);
    d->make = std::make_shared<const callback<child_start(const term&)>>(std::move(make));
    d->made = (*d->make)(d->arguments);
    return result;
}

child_start child_start::with_arguments(const term& before, const term& behind) const {
    if (!data_ || (before.is_nil() && behind.is_nil())) return *this;
    std::vector<term> all;
    for (const term& part : {before, data_->arguments, behind})
        for (const term& a : part.list_elements()) all.push_back(a);
    return with_other_arguments(list_of(std::move(all)));
}

child_start child_start::with_other_arguments(term arguments) const {
    if (!data_) return *this;
    auto* d = new detail::child_start_data;
    child_start result(d);
    d->application = data_->application;
    d->name = data_->name;
    d->arguments = std::move(arguments);
    d->in_table = data_->in_table;
    d->make = data_->make;
    if (d->make)
        d->made = (*d->make)(d->arguments);
    else if (!d->in_table)
        d->now = [unknown = detail::unknown_class(*d)] {
            return start_result(fail_term(tuple(atoms::EXIT, unknown)));
        };
    return result;
}

child_start::child_start(const child_start& other) noexcept : data_(other.data_) {
    if (data_) data_->refs.fetch_add(1, std::memory_order_relaxed);
}

child_start::~child_start() {
    if (data_ && data_->refs.fetch_sub(1, std::memory_order_acq_rel) == 1) delete data_;
}

bool child_start::waits() const {
    if (data_->made) return data_->made.waits();
    if (!data_->in_table) return bool(data_->later);
    const module_table& table = module_table::current();
    if (table.births_are_held(data_->application, data_->name)) return true;
    auto entry = table.find(data_->application, data_->name);
    return entry && entry->factory.start_link_waiting;
}

start_result child_start::start() const {
    try {
        if (data_->made) return data_->made.start();
        if (!data_->in_table) return data_->now();
        auto entry = module_table::current().find(data_->application, data_->name);
        if (!entry || !entry->factory.start_link) return fail_term(detail::unknown_class(*data_));
        return entry->factory.start_link(data_->arguments);
    } catch (...) {
        return detail::thrown();
    }
}

awaitable<start_result> child_start::start_waiting() const {
    return detail::start_kept(*this, *data_);
}

term child_start::mfa() const {
    if (!data_) return atoms::undefined;
    return tuple(data_->name, atom("start_link"), data_->arguments);
}

term child_start::arguments() const {
    return data_ ? data_->arguments : atoms::undefined;
}

atom child_start::class_name() const {
    return data_ ? data_->name : atoms::undefined;
}

child_start child_start::described(atom name, term arguments) && {
    data_->name = name;
    data_->arguments = std::move(arguments);
    return std::move(*this);
}

}  // namespace beam
