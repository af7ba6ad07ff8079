// BEAM_APPLICATION: what makes a shared module an application.
//
// Once in one of the module's files, followed by a function body that describes it:
//
//     BEAM_APPLICATION(chat, "1", chat::room, chat::router) {
//         app.spec.description = "Chat rooms";
//         app.callbacks<chat::application>();              // its start and stop: otp/application.hpp
//         app.method("create_room", chat::create_room);    // answers chat.create_room: method.hpp
//         app.method("history", chat::history, {.restartable = true});
//         app.objection = &chat::sessions_open;            // why the node should not leave when idle
//     }
//
// The names after the version are the classes and coroutine functions (`process f(self, args...)`) that the
// node's module table is to know, so that a restart, an upgrade or enter<f> takes their current version. The
// module is built with CMake's
// beam_application(), whose flags keep two versions apart and let them be unmapped.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "libbeamcore/base/abi_stamp.hpp"
#include "libbeamcore/base/export.hpp"
#include "libbeamcore/otp/application.hpp"
#include "libbeamcore/otp/module_table.hpp"
#include "libbeamcore/release/method.hpp"
#include "libbeamcore/runtime/callback.hpp"
#include "libbeamcore/runtime/detail/module_ref.hpp"
#include "libbeamcore/term/detail/for_each.hpp"

namespace beam {

/// What an application brings to a node.
struct application_definition {
    std::string name;
    std::string version;
    application_spec spec;             ///< name, vsn and registered classes are filled in
    std::vector<method_spec> methods;  ///< with their full names

    /// Asked in a process of its own before an idle node leaves: a reason not to (`3 sessions are open`), or
    /// nothing. One that crashes or is silent for 5 s objects.
    callback<awaitable<std::optional<std::string>>()> objection;

    /// The class whose static functions start and stop it.
    template <class T>
    void callbacks() {
        spec.module = detail::class_name<T>();
        spec.code = application_code(detail::callbacks_of<T>());
    }
    /// Answers NAME.`short_name` with a coroutine function; see method.hpp.
    template <class F>
    void method(std::string_view short_name, F f, method_options options = {}) {
        methods.push_back(make_method(name + "." + std::string(short_name), std::move(f), options));
    }
};

namespace detail {

/// Between the loader and a module's entry.
struct module_code {
    module_record* record = nullptr;      // in: the module's own
    application_definition definition{};  // out
    std::vector<module_entry> classes{};  // out
};

/// The ELF note: one of owner `beamcore` and type 1. Words of 4 bytes, as notes are aligned to that.
struct elf_note {
    static constexpr std::size_t text_max = 64;

    std::uint32_t owner_size = 9;
    std::uint32_t content_size = 8 + 2 * text_max;
    std::uint32_t type = 1;
    char owner[12] = "beamcore";
    std::uint32_t stamp[2] = {};
    char name[text_max] = {};
    char version[text_max] = {};

    template <std::size_t N, std::size_t V>
    constexpr elf_note(const char (&n)[N], const char (&v)[V])
        : stamp{std::uint32_t(abi_stamp), std::uint32_t(abi_stamp >> 32)} {
        static_assert(N <= text_max && V <= text_max, "name and version are at most 63 bytes");
        for (std::size_t i = 0; i < N; ++i) name[i] = n[i];
        for (std::size_t i = 0; i < V; ++i) version[i] = v[i];
    }
};

template <auto Code>
void add_class(module_code& code) {
    code.classes.push_back(
        module_entry_of<Code>(atom(code.definition.name), code.definition.version));
}
template <class T>
void add_class(module_code& code) {
    code.classes.push_back(module_entry_of<T>(atom(code.definition.name), code.definition.version));
}

}  // namespace detail

}  // namespace beam

#define BEAM_APPLICATION(application_name, application_version, ...)                           \
    static void beam_describe_application(::beam::application_definition& app);                \
    __attribute__((                                                                            \
        section(".note.beamcore"), used,                                                       \
        aligned(4))) static constinit const ::beam::detail::elf_note beam_application_note{    \
        #application_name, application_version};                                               \
    extern "C"                                                                                 \
        __attribute__((visibility("hidden"))) ::beam::detail::module_record* beam_this_module; \
    ::beam::detail::module_record* beam_this_module = nullptr;                                 \
    extern "C" __attribute__((visibility("default"))) void beam_module_entry(                  \
        ::beam::detail::module_code* code) {                                                   \
        beam_this_module = code->record;                                                       \
        code->definition.name = #application_name;                                             \
        code->definition.version = application_version;                                        \
        code->definition.spec =                                                                \
            ::beam::application_spec(::beam::atom(#application_name), application_version);    \
        __VA_OPT__(BEAM_DETAIL_FOR_EACH(BEAM_DETAIL_ADD_CLASS, __VA_ARGS__))                   \
        beam_describe_application(code->definition);                                           \
    }                                                                                          \
    static void beam_describe_application([[maybe_unused]] ::beam::application_definition& app)
#define BEAM_DETAIL_ADD_CLASS(type) ::beam::detail::add_class<type>(*code);
