#include "libbeamcore/base/rate.hpp"

#include <charconv>

#include "libbeamcore/base/duration.hpp"
#include "libbeamcore/base/internal/decimal.hpp"

namespace beam {
namespace {

std::string quoted(std::string_view text) {
    return '"' + std::string(text) + '"';
}

}  // namespace

result<rate> parse_rate(std::string_view text) {
    if (text.empty()) return fail("empty", "a rate is missing, such as 10/2m");
    auto slash = text.find('/');
    auto count = text.substr(0, slash);
    auto number = internal::read_decimal(count);
    if (number.length == 0 || number.length != count.size() || !number.fraction.empty())
        return fail("bad_number", quoted(text) + " is not a rate such as 10/2m or 100/s");
    if (number.overflow || number.whole == 0)
        return fail("out_of_range", "the count in " + quoted(text) + " must be at least 1" +
                                        (number.overflow ? " and less than 2^64" : ""));
    rate r{number.whole};
    if (slash == std::string_view::npos) return r;

    std::string period{text.substr(slash + 1)};
    if (!period.empty() && !internal::is_digit(period.front())) period.insert(0, 1, '1');
    auto duration = parse_duration(period);
    if (!duration) return pass(duration);
    if (duration->count() == 0)
        return fail("out_of_range", "the period in " + quoted(text) + " must be longer than 0");
    r.period = *duration;
    return r;
}

std::string print_rate(const rate& r) {
    auto period = print_duration_exact(r.period);
    bool one = period.size() > 1 && period[0] == '1' && !internal::is_digit(period[1]) &&
               period[1] != '.' && period.find_first_of("0123456789", 1) == std::string::npos;
    return std::to_string(r.count) + '/' + (one ? period.substr(1) : period);
}

result<double> parse_percent(std::string_view text) {
    if (text.empty()) return fail("empty", "a percentage is missing, such as 25%");
    auto number = internal::read_decimal(text);
    if (number.length == 0 || (text.substr(number.length) != "%" && number.length != text.size()))
        return fail("bad_number", quoted(text) + " is not a percentage such as 25%");
    if (number.length == text.size())
        return fail("missing_unit", quoted(text) + " needs a % sign: " + std::string(text) + "%");
    double percent = 0;
    std::from_chars(text.data(), text.data() + number.length, percent);
    if (!(percent <= 100)) return fail("out_of_range", quoted(text) + " is more than 100%");
    return percent / 100;
}

}  // namespace beam
