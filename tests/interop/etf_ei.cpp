// etf_ei SEED COUNT: random terms through Erlang's own C library. It takes apart, field by field, what we write, and
// writes it again; that must be the same term for us, and the same bytes.
#include <ei.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "libbeamcore/term/etf.hpp"
#include "libbeamcore/term/syntax.hpp"
#include "tests/unit/term/generator.hpp"

using namespace beam;

namespace {

class transcoder {
public:
    explicit transcoder(const std::string& from) : from_(from.c_str()) {
        ei_x_new(&to_);
        int version = 0;
        must(ei_decode_version(from_, &at_, &version));
        must(ei_x_encode_version(&to_));
    }
    ~transcoder() { ei_x_free(&to_); }
    transcoder(const transcoder&) = delete;

    bool run(std::size_t size) {
        one();
        if (std::size_t(at_) != size) good_ = false;
        return good_;
    }
    std::string written() const { return {to_.buff, std::size_t(to_.index)}; }
    int place() const { return at_; }

private:
    void must(int done) {
        if (done != 0) good_ = false;
    }

    void one() {
        int type = 0, size = 0;
        must(ei_get_type(from_, &at_, &type, &size));
        if (!good_) return;
        switch (type) {
            case ERL_SMALL_INTEGER_EXT:
            case ERL_INTEGER_EXT:
                return integer();
            case ERL_SMALL_BIG_EXT:
            case ERL_LARGE_BIG_EXT:
                return big(size);
            case NEW_FLOAT_EXT:
            case ERL_FLOAT_EXT:
                return floating();
            case ERL_ATOM_EXT:
            case ERL_SMALL_ATOM_EXT:
            case ERL_ATOM_UTF8_EXT:
            case ERL_SMALL_ATOM_UTF8_EXT:
                return name();
            case ERL_SMALL_TUPLE_EXT:
            case ERL_LARGE_TUPLE_EXT:
                must(ei_decode_tuple_header(from_, &at_, &size));
                must(ei_x_encode_tuple_header(&to_, size));
                return several(size);
            case ERL_MAP_EXT:
                must(ei_decode_map_header(from_, &at_, &size));
                must(ei_x_encode_map_header(&to_, size));
                return several(2 * size);
            case ERL_NIL_EXT:
                must(ei_decode_list_header(from_, &at_, &size));
                must(ei_x_encode_empty_list(&to_));
                return;
            case ERL_LIST_EXT:
                must(ei_decode_list_header(from_, &at_, &size));
                must(ei_x_encode_list_header(&to_, size));
                return several(size + 1);
            case ERL_STRING_EXT: {
                std::vector<char> text(std::size_t(size) + 1);
                must(ei_decode_string(from_, &at_, text.data()));
                must(ei_x_encode_string_len(&to_, text.data(), size));
                return;
            }
            case ERL_BINARY_EXT: {
                std::vector<char> bytes(std::size_t(size) + 1);
                long length = 0;
                must(ei_decode_binary(from_, &at_, bytes.data(), &length));
                must(ei_x_encode_binary(&to_, bytes.data(), int(length)));
                return;
            }
            case ERL_BIT_BINARY_EXT: {
                const char* bytes = nullptr;
                unsigned offset = 0;
                std::size_t bits = 0;
                must(ei_decode_bitstring(from_, &at_, &bytes, &offset, &bits));
                must(ei_x_encode_bitstring(&to_, bytes, offset, bits));
                return;
            }
            case ERL_PID_EXT:
            case ERL_NEW_PID_EXT: {
                erlang_pid pid;
                must(ei_decode_pid(from_, &at_, &pid));
                must(ei_x_encode_pid(&to_, &pid));
                return;
            }
            case ERL_PORT_EXT:
            case ERL_NEW_PORT_EXT:
            case ERL_V4_PORT_EXT: {
                erlang_port port;
                must(ei_decode_port(from_, &at_, &port));
                must(ei_x_encode_port(&to_, &port));
                return;
            }
            case ERL_REFERENCE_EXT:
            case ERL_NEW_REFERENCE_EXT:
            case ERL_NEWER_REFERENCE_EXT: {
                erlang_ref ref;
                must(ei_decode_ref(from_, &at_, &ref));
                must(ei_x_encode_ref(&to_, &ref));
                return;
            }
            case ERL_NEW_FUN_EXT:
            case ERL_EXPORT_EXT: {
                erlang_fun fun;
                must(ei_decode_fun(from_, &at_, &fun));
                if (!good_) return;
                must(ei_x_encode_fun(&to_, &fun));
                free_fun(&fun);
                return;
            }
            default:
                good_ = false;
        }
    }

    void several(int count) {
        for (int i = 0; i < count && good_; ++i) one();
    }

    void integer() {
        long value = 0;
        must(ei_decode_long(from_, &at_, &value));
        must(ei_x_encode_long(&to_, value));
    }
    void big(int size) {
        erlang_big* value = ei_alloc_big(unsigned(size));
        must(ei_decode_big(from_, &at_, value));
        must(ei_x_encode_big(&to_, value));
        ei_free_big(value);
    }
    void floating() {
        double value = 0;
        must(ei_decode_double(from_, &at_, &value));
        must(ei_x_encode_double(&to_, value));
    }
    void name() {
        char text[MAXATOMLEN_UTF8];
        erlang_char_encoding was{}, is{};
        must(ei_decode_atom_as(from_, &at_, text, sizeof text, ERLANG_UTF8, &was, &is));
        must(ei_x_encode_atom_as(&to_, text, ERLANG_UTF8, ERLANG_UTF8));
    }

    const char* from_;
    int at_ = 0;
    ei_x_buff to_;
    bool good_ = true;
};

bool same(const term& t) {
    std::string ours;
    if (!etf::encode(t, ours)) return false;
    transcoder other(ours);
    if (!other.run(ours.size())) {
        std::printf("%s is refused at byte %d\n", to_string(t).c_str(), other.place());
        return false;
    }
    auto theirs = other.written();
    auto back = etf::decode(theirs);
    if (!back || *back != t) {
        std::printf("%s comes back as %s\n", to_string(t).c_str(),
                    back ? to_string(*back).c_str() : back.error().detail.c_str());
        return false;
    }
    if (ours == theirs) return true;
    std::printf("%s is written in other bytes\n", to_string(t).c_str());
    return false;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 3) return 2;
    ei_init();
    (void)node_index({atom("other@host"), 7});  // the generator's node 1
    term_generator generate(std::strtoull(argv[1], nullptr, 10));
    const int count = std::atoi(argv[2]);
    for (int i = 0; i < count; ++i)
        if (!same(generate.any(i % 6))) return 1;
    std::printf("etf_ei: %d terms through Erlang's C library\n", count);
    return 0;
}
