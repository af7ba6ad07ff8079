#include "tools/common/failure.hpp"

#include <nlohmann/json.hpp>

namespace beam::tool {
namespace {

using nlohmann::json;

std::string text_of(const json& object, const char* key) {
    const auto it = object.find(key);
    return it != object.end() && it->is_string() ? it->get<std::string>() : std::string();
}

// Control characters would break the promise of one line, and could drive the terminal.
std::string one_line(std::string_view text) {
    static constexpr char digits[] = "0123456789abcdef";
    std::string out;
    for (char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte == '\n' || byte == '\t')
            out += ' ';
        else if (byte < ' ' || byte == 0x7f)
            ((out += "\\x") += digits[byte >> 4]) += digits[byte & 15];
        else
            out += c;
    }
    return out;
}

exit_code code_of(int number) {
    switch (number) {
        case 1:
        case 2:
        case 65:
        case 69:
        case 70:
        case 73:
        case 74:
        case 75:
        case 76:
        case 77:
        case 78:
            return static_cast<exit_code>(number);
        default:
            return exit_code::bug;
    }
}

exit_code code_of_rpc(int code) {
    switch (code) {
        case -32700:
        case -32600:
            return exit_code::bad_data;
        case -32601:
            return exit_code::protocol;
        case -32602:
            return exit_code::usage;
        default:
            return exit_code::bug;
    }
}

}  // namespace

failure::failure(exit_code code, std::string reason, std::string try_next, std::string kind_name)
    : exit(code), kind(std::move(kind_name)), why(std::move(reason)), next(std::move(try_next)) {
    if (kind.empty()) kind = kind_of(code);
}

std::string_view kind_of(exit_code code) {
    switch (code) {
        case exit_code::done:
            return "ok";
        case exit_code::no:
            return "no";
        case exit_code::usage:
            return "usage";
        case exit_code::bad_data:
            return "bad_data";
        case exit_code::unavailable:
            return "unavailable";
        case exit_code::bug:
            return "internal";
        case exit_code::cannot_create:
            return "cannot_create";
        case exit_code::io_error:
            return "io_error";
        case exit_code::try_again:
            return "try_again";
        case exit_code::protocol:
            return "protocol";
        case exit_code::not_permitted:
            return "not_permitted";
        case exit_code::bad_config:
            return "bad_config";
        case exit_code::interrupted:
            return "interrupted";
    }
    return "internal";
}

std::string error_line(std::string_view tool, const failure& error) {
    std::string line(tool);
    line += ": ";
    if (!error.what_failed.empty()) line += error.what_failed + " failed: ";
    line += error.why;
    if (error.applied_unknown) line += " (it may have been done)";
    if (!error.next.empty()) line += "; try: " + error.next;
    return one_line(line);
}

json error_json(const failure& error) {
    json object{{"kind", error.kind},
                {"what", error.what_failed},
                {"why", error.why},
                {"try", error.next},
                {"exit", static_cast<int>(error.exit)}};
    if (error.applied_unknown) object["applied"] = "unknown";
    return json{{"error", std::move(object)}};
}

failure failure_of_answer(const json& error) {
    if (!error.is_object())
        return failure(exit_code::protocol, "the node's error is not an object");
    const auto data = error.find("data");
    const auto message = text_of(error, "message");
    if (data == error.end() || !data->is_object()) {
        const auto code = error.find("code");
        const int number = code != error.end() && code->is_number_integer() ? code->get<int>() : 0;
        failure out(code_of_rpc(number), message.empty() ? "the node gave no reason" : message);
        if (number == -32601) out.next = "beamd restart";
        return out;
    }
    const auto exit = data->find("exit");
    failure out(code_of(exit != data->end() && exit->is_number_integer() ? exit->get<int>() : 70),
                text_of(*data, "why"), text_of(*data, "try"), text_of(*data, "kind"));
    if (out.why.empty()) out.why = message;
    out.what_failed = text_of(*data, "what");
    out.applied_unknown = text_of(*data, "applied") == "unknown";
    return out;
}

}  // namespace beam::tool
