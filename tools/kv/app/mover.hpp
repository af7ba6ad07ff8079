// mover: of the copies that this node's shards make anew, two shards' at a time, and not more bytes a second than
// BEAM_KV_COPY_LIMIT says; nor does the node take in more of what others copy to it, however many they are. It waits for nobody,
// so copies go on when the coordinator does not answer.
//
// A shard that ends gives back what it had. When the mover ends, the shards are started anew with it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <unordered_map>

#include "libbeamcore/otp/gen_server.hpp"
#include "tools/kv/app/copying.hpp"
#include "tools/kv/shard/outputs.hpp"

namespace kv {

/// Mover to a shard's process: it has the permit that it asked for under that number.
struct move_given {
    std::uint64_t number = 0;
};
/// Mover to a shard's process: the oldest piece of a snapshot that it asked for may be read, or, of those that came from others,
/// be taken in.
struct piece_allowed {
    bool has_come = false;
};

class mover : public beam::gen_server<mover> {
    struct ask_permit {
        move_asker a;
    };
    struct permit_back {
        move_asker a;
    };
    struct ask_piece {
        beam::pid who;
        std::size_t bytes = 0;
        bool has_come = false;
    };

public:
    /// For the shard's process `who`. It is told with move_given.
    static void wish(const beam::pid& who, const move_wish& w);
    /// For the shard's process `who`, before it reads so many bytes. It is told with piece_allowed.
    static void ask_to_read(const beam::pid& who, std::size_t bytes);
    /// The same before it takes in a piece of so many bytes that has come.
    static void ask_to_take_in(const beam::pid& who, std::size_t bytes);

    using casts = beam::messages<ask_permit, permit_back, ask_piece>;
    using infos = beam::messages<beam::down_message>;

    /// Ends with `bad_copy_limit` if BEAM_KV_COPY_LIMIT cannot be read.
    static beam::init_result<mover> init();

    void handle_cast(const ask_permit& m);
    void handle_cast(const permit_back& m);
    void handle_cast(const ask_piece& m);
    void handle_info(const beam::down_message& m);

private:
    explicit mover(std::uint64_t bytes_a_second);
    void tell();

    move_permits permits_;
    copy_pace out_, in_;
    std::unordered_map<beam::pid, beam::ref> watched_;
};

}  // namespace kv
