// event_manager: the state of a gen_event process: its handlers, and what is done with them.
//
// The process is a gen_core, whose class this is (event_manager.cpp has the table). The rules, and the
// order in which things happen, are those of OTP's gen_event.
#pragma once

#include <optional>
#include <vector>

#include "libbeamcore/otp/gen_event.hpp"

namespace beam::detail {

class event_manager {
public:
    explicit event_manager(pid parent) : parent_(parent) {}

    // What it is told and asked. The bool: whether a handler wants the process to hibernate.
    bool notify(message& m);
    bool parted(message& exit);
    outcome<void> add(event_key key, event_maker& make, pid supervisor);
    outcome<term> remove(const event_key& key, const term& arguments);
    outcome<void> swap(event_swap& wanted, pid supervisor);
    event_answer call(event_call& call, bool& hibernates);
    [[nodiscard]] term which() const;

    void stop_all();
    void hibernate();

    [[nodiscard]] term shown() const;
    [[nodiscard]] term replace(const callback<term(term)>& change);
    [[nodiscard]] term status(atom why) const;
    [[nodiscard]] outcome<void> change_code(const term& module, const term& old_vsn,
                                            const term& extra);

private:
    struct installed {
        event_object object;
        std::optional<term> id;
        pid supervisor;  // false: nobody

        [[nodiscard]] event_key key() const { return {object.class_name(), id}; }
    };
    using handlers = std::vector<installed>;

    [[nodiscard]] handlers::iterator find(const event_key& key);
    // A handler's function is through. False: the handler has gone, and is to be taken out.
    bool settle(installed& h, event_result& next, const char* last);
    bool failed(installed& h, term what, const char* last);
    outcome<term> end(installed& h, const term& arguments, const term& reason, const char* last);
    void tell(const event_key& key, pid supervisor, const term& reason) const;
    [[nodiscard]] static outcome<event_object> run(event_maker& make, term old);
    [[nodiscard]] static term state_of(const installed& h, atom why);

    handlers handlers_;  // the oldest first
    pid parent_;
    bool hibernates_ = false;
};

}  // namespace beam::detail
