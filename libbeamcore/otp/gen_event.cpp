#include "libbeamcore/otp/gen_event.hpp"

#include "libbeamcore/otp/internal/event_manager.hpp"

BEAM_DEFINE_DESCRIPTOR(beam::gen_event_exit);
BEAM_DEFINE_DESCRIPTOR(beam::outcome<beam::term>);
BEAM_DEFINE_DESCRIPTOR(beam::detail::event_add);
BEAM_DEFINE_DESCRIPTOR(beam::detail::event_delete);
BEAM_DEFINE_DESCRIPTOR(beam::detail::event_swap);
BEAM_DEFINE_DESCRIPTOR(beam::detail::event_answer);
BEAM_DEFINE_DESCRIPTOR(beam::detail::event_call);
BEAM_DEFINE_DESCRIPTOR(beam::detail::event_which);

namespace beam {

namespace detail {

namespace {

// -- the manager as the class of a gen_core -------------------------------------------------------

event_manager& manager_of(void* state) {
    return *static_cast<event_manager*>(state);
}
const event_manager& manager_of(const void* state) {
    return *static_cast<const event_manager*>(state);
}

// True: a handler wants the process to hibernate.
bool serve_request(event_manager& manager, message& m, const from& f) {
    bool hibernates = false;
    if (m.is<event_call>()) {
        auto call = m.take<event_call>();
        reply(f, manager.call(call, hibernates));
    } else if (m.is<event_add>()) {
        auto add = m.take<event_add>();
        reply(f, manager.add(std::move(add.key), add.make, add.supervised ? f.to : pid{}));
    } else if (m.is<event_delete>()) {
        auto wanted = m.take<event_delete>();
        reply(f, manager.remove(wanted.key, wanted.arguments));
    } else if (m.is<event_swap>()) {
        auto wanted = m.take<event_swap>();
        reply(f, manager.swap(wanted, wanted.supervised ? f.to : pid{}));
    } else if (m.is<event_which>()) {
        reply(f, manager.which());
    } else {
        hibernates = manager.notify(m);
        reply(f);
    }
    return hibernates;
}

bool serve(gen_core& core, self s, void* state, message& m) {
    event_manager& manager = manager_of(state);
    bool hibernates = false;
    if (auto f = request_from(m)) {
        begin_request(s.block(), m);
        request_scope open(s.block());
        hibernates = serve_request(manager, m, *f);
    } else if (m.is<exit_message>()) {
        hibernates = manager.parted(m);
    } else {
        hibernates = manager.notify(m);
    }
    if (hibernates) core.next(then::hibernate());
    return true;
}

constexpr gen_class manager_class{
    .name = "beam::gen_event",
    .behaviour = atoms::gen_event,
    .size = sizeof(event_manager),
    .align = alignof(event_manager),
    .fingerprint = 0,
    .dispatch = &serve,
    .on_timeout = [](gen_core&, self, void*) { return true; },
    .on_continue = [](gen_core&, self, void*, message&) { return true; },
    .on_terminate = [](void* state, const term&) { manager_of(state).stop_all(); },
    .on_terminate_waiting = nullptr,
    .on_hibernate = [](void* state) { manager_of(state).hibernate(); },
    .get_state = [](const void* state) { return manager_of(state).shown(); },
    .set_state = nullptr,
    .format_status = [](const void* state, atom why) { return manager_of(state).status(why); },
    .code_change = nullptr,
    .engine = nullptr,
    .destroy = [](void* state) noexcept { manager_of(state).~event_manager(); },
    .module = []() -> module_record* { return nullptr; },
    .class_name = [] { return atoms::gen_event; },
    .replace_state =
        [](void* state, const callback<term(term)>& change) {
            return manager_of(state).replace(change);
        },
    .change_code_within =
        [](void* state, const term& module, const term& old_vsn, const term& extra) {
            return manager_of(state).change_code(module, old_vsn, extra);
        },
};

start_result run_start(gen_start& start, bool link) {
    pid parent = link ? this_process().id() : pid{};
    if (start.begin()) {
        this_process().trap_exit(true);
        ::new (start.storage()) event_manager(parent);
        start.made({});
    }
    return start.finish();
}

start_result start_manager(const server_options& options, bool link) {
    gen_start start(&manager_class, options, link, false);
    return run_start(start, link);
}

}  // namespace

// -- requests -------------------------------------------------------------------------------------

future<outcome<void>> ask_add(const server_ref& manager, event_key key, event_maker make,
                              bool supervised) {
    return send_request(manager, event_add{std::move(key), std::move(make), supervised},
                        infinity{});
}

future<outcome<term>> ask_delete(const server_ref& manager, event_key key, term arguments) {
    return send_request(manager, event_delete{std::move(key), std::move(arguments)}, infinity{});
}

future<outcome<void>> ask_swap(const server_ref& manager, event_key old, term arguments,
                               event_key key, event_maker make, bool supervised) {
    return send_request(manager,
                        event_swap{std::move(old), std::move(arguments), std::move(key),
                                   std::move(make), supervised},
                        infinity{});
}

future<event_answer> ask_handler(const server_ref& manager, event_key key, module_record* sender,
                                 message request, timeout limit) {
    return beam::send_request(
        manager, event_call{std::move(key), module_hold(sender), std::move(request)}, limit);
}

}  // namespace detail

namespace gen_event {

outcome<pid> start_link(const server_options& options) {
    return started_pid(beam::detail::start_manager(options, true));
}

outcome<pid> start(const server_options& options) {
    return started_pid(beam::detail::start_manager(options, false));
}

outcome<spawned> start_monitor(const server_options& options) {
    beam::detail::gen_start start(&beam::detail::manager_class, options, false, true);
    outcome<pid> p = started_pid(beam::detail::run_start(start, false));
    if (!p) return fail_term(std::move(p.error()));
    return spawned{*p, start.monitor()};
}

child_start child(server_options options) {
    auto start = [options = std::move(options)] {
        return beam::detail::start_manager(options, true);
    };
    return child_start(std::move(start)).described(atoms::gen_event, nil);
}

awaitable<void> stop(server_ref manager, term reason, timeout limit) {
    return beam::stop(manager, std::move(reason), limit);
}

future<term> which_handlers(const server_ref& manager) {
    return beam::send_request(manager, beam::detail::event_which{}, infinity{});
}

}  // namespace gen_event

}  // namespace beam
