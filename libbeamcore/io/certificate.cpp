#include "libbeamcore/io/certificate.hpp"

#include <arpa/inet.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <ctime>
#include <utility>

#include "libbeamcore/io/internal/openssl.hpp"

namespace beam::io {

using detail::bio_ptr;
using detail::key_ptr;
using detail::openssl_error;
using detail::x509_ptr;

namespace {

using names_ptr = std::unique_ptr<GENERAL_NAMES, detail::freed_by<&::GENERAL_NAMES_free>>;
using number_ptr = std::unique_ptr<BIGNUM, detail::freed_by<&::BN_free>>;
using extension_ptr = std::unique_ptr<X509_EXTENSION, detail::freed_by<&::X509_EXTENSION_free>>;

constexpr std::size_t common_name_max = 64;
constexpr int serial_bits = 127;  // positive, and at most 20 bytes
constexpr long x509_version_3 = 2;

X509* x509_of(const std::shared_ptr<void>& handle) {
    return static_cast<X509*>(handle.get());
}

std::string name_text(const X509_NAME* name) {
    const int at = ::X509_NAME_get_index_by_NID(name, NID_commonName, -1);
    if (at >= 0) {
        unsigned char* bytes = nullptr;
        const auto* value = ::X509_NAME_ENTRY_get_data(::X509_NAME_get_entry(name, at));
        const int n = ::ASN1_STRING_to_UTF8(&bytes, value);
        if (n >= 0) {
            std::string text(reinterpret_cast<char*>(bytes), std::size_t(n));
            ::OPENSSL_free(bytes);
            return text;
        }
    }
    char line[256];
    return ::X509_NAME_oneline(name, line, sizeof line);
}

std::chrono::system_clock::time_point time_of(const ASN1_TIME* t) {
    std::tm parts{};
    if (::ASN1_TIME_to_tm(t, &parts) != 1) return {};
    return std::chrono::system_clock::from_time_t(::timegm(&parts));
}

std::string address_text(const ASN1_OCTET_STRING* bytes) {
    char text[INET6_ADDRSTRLEN] = "";
    const int size = ::ASN1_STRING_length(bytes);
    if (size == 4 || size == 16)
        ::inet_ntop(size == 4 ? AF_INET : AF_INET6, ::ASN1_STRING_get0_data(bytes), text,
                    sizeof text);
    return text;
}

bool set_serial(X509* c) {
    const number_ptr n(::BN_new());
    return n && ::BN_rand(n.get(), serial_bits, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) == 1 &&
           ::BN_to_ASN1_INTEGER(n.get(), ::X509_get_serialNumber(c));
}

bool set_name(X509* c, std::string_view name) {
    return ::X509_NAME_add_entry_by_NID(::X509_get_subject_name(c), NID_commonName, MBSTRING_UTF8,
                                        reinterpret_cast<const unsigned char*>(name.data()),
                                        int(name.size()), -1, 0) == 1;
}

bool set_times(X509* c, const certificate_wish& wish) {
    using clock = std::chrono::system_clock;
    return ::ASN1_TIME_set(::X509_getm_notBefore(c), clock::to_time_t(wish.valid_from)) &&
           ::ASN1_TIME_set(::X509_getm_notAfter(c), clock::to_time_t(wish.valid_until));
}

bool add_extension(X509* c, X509* issuer, int kind, const std::string& value) {
    X509V3_CTX context;
    ::X509V3_set_ctx(&context, issuer, c, nullptr, nullptr, 0);
    const extension_ptr e(::X509V3_EXT_conf_nid(nullptr, &context, kind, value.c_str()));
    return e && ::X509_add_ext(c, e.get(), -1) == 1;
}

void add(std::vector<std::string>& to, std::string host) {
    if (std::find(to.begin(), to.end(), host) == to.end()) to.push_back(std::move(host));
}

// OTP compares the host that it connects to with names alone: an IPv4 address stands among them, too.
std::string host_list(const std::vector<std::string>& hosts) {
    std::string text;
    for (const auto& h : hosts) {
        const bool is_address = detail::is_ip_address(h);
        const bool is_version_6 = h.find(':') != std::string::npos;
        if (is_address) text += (text.empty() ? "IP:" : ",IP:") + h;
        if (!is_address || !is_version_6) text += (text.empty() ? "DNS:" : ",DNS:") + h;
    }
    return text;
}

template <class Write>
std::string pem_of(Write write) {
    const bio_ptr to(::BIO_new(::BIO_s_mem()));
    if (!to || write(to.get()) != 1) return {};
    char* bytes = nullptr;
    const long n = ::BIO_get_mem_data(to.get(), &bytes);
    return {bytes, std::size_t(n)};
}

result<void> check_wish(const certificate_wish& wish) {
    if (wish.name.empty() || wish.name.size() > common_name_max)
        return fail("bad_name", "a certificate's name has 1 to 64 bytes");
    for (const auto& h : wish.hosts)
        if (!is_certificate_host(h))
            return fail("bad_host", "\"" + h + "\" is neither a host's name nor an address");
    return {};
}

// Signed by the authority; without one by itself, as an authority is.
result<keyed_certificate> make(const certificate_wish& wish, X509* authority, EVP_PKEY* signer) {
    if (auto ok = check_wish(wish); !ok) return pass(ok);
    const key_ptr key(::EVP_EC_gen("P-256"));
    const x509_ptr made(::X509_new());
    if (!key || !made) return fail("cannot_make", openssl_error());
    X509* c = made.get();
    X509* issuer = authority ? authority : c;
    bool ok = ::X509_set_version(c, x509_version_3) == 1 && set_serial(c) &&
              set_name(c, wish.name) && set_times(c, wish) &&
              ::X509_set_pubkey(c, key.get()) == 1 &&
              ::X509_set_issuer_name(c, ::X509_get_subject_name(issuer)) == 1 &&
              add_extension(c, issuer, NID_subject_key_identifier, "hash") &&
              add_extension(c, issuer, NID_authority_key_identifier, "keyid:always");
    if (authority)
        ok = ok && add_extension(c, issuer, NID_basic_constraints, "critical,CA:FALSE") &&
             add_extension(c, issuer, NID_key_usage, "critical,digitalSignature,keyAgreement") &&
             add_extension(c, issuer, NID_ext_key_usage, "serverAuth,clientAuth");
    else
        ok = ok && add_extension(c, issuer, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") &&
             add_extension(c, issuer, NID_key_usage, "critical,keyCertSign,cRLSign");
    if (!wish.hosts.empty())
        ok = ok && add_extension(c, issuer, NID_subject_alt_name, host_list(wish.hosts));
    ok = ok && ::X509_sign(c, authority ? signer : key.get(), ::EVP_sha256()) > 0;
    if (!ok) return fail("cannot_make", openssl_error());
    keyed_certificate both;
    both.certificate = pem_of([c](BIO* to) { return ::PEM_write_bio_X509(to, c); });
    both.key = pem_of([&key](BIO* to) {
        return ::PEM_write_bio_PrivateKey(to, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
    });
    if (both.certificate.empty() || both.key.empty()) return fail("cannot_make", openssl_error());
    return both;
}

}  // namespace

result<certificate> certificate::read(std::string_view pem) {
    const auto from = detail::bio_of(pem);
    auto c = detail::next_certificate(*from);
    if (!c) return fail("bad_certificate", "no certificate in PEM: " + openssl_error());
    return certificate(
        std::shared_ptr<void>(c.release(), [](void* p) { ::X509_free(static_cast<X509*>(p)); }));
}

std::string certificate::subject() const {
    return handle_ ? name_text(::X509_get_subject_name(x509_of(handle_))) : std::string();
}
std::string certificate::issuer() const {
    return handle_ ? name_text(::X509_get_issuer_name(x509_of(handle_))) : std::string();
}

std::vector<std::string> certificate::hosts() const {
    std::vector<std::string> list;
    if (!handle_) return list;
    const names_ptr names(static_cast<GENERAL_NAMES*>(
        ::X509_get_ext_d2i(x509_of(handle_), NID_subject_alt_name, nullptr, nullptr)));
    const int n = names ? sk_GENERAL_NAME_num(names.get()) : 0;
    for (int i = 0; i < n; ++i) {
        const GENERAL_NAME* one = sk_GENERAL_NAME_value(names.get(), i);
        if (one->type == GEN_DNS)
            add(list, {reinterpret_cast<const char*>(::ASN1_STRING_get0_data(one->d.dNSName)),
                       std::size_t(::ASN1_STRING_length(one->d.dNSName))});
        else if (one->type == GEN_IPADD)
            add(list, address_text(one->d.iPAddress));
    }
    return list;
}

bool certificate::is_for(const std::string& host) const {
    if (!handle_) return false;
    X509* c = x509_of(handle_);
    if (detail::is_ip_address(host)) return ::X509_check_ip_asc(c, host.c_str(), 0) == 1;
    return ::X509_check_host(c, host.data(), host.size(), X509_CHECK_FLAG_NEVER_CHECK_SUBJECT,
                             nullptr) == 1;
}

std::chrono::system_clock::time_point certificate::valid_from() const {
    return handle_ ? time_of(::X509_get0_notBefore(x509_of(handle_)))
                   : std::chrono::system_clock::time_point();
}
std::chrono::system_clock::time_point certificate::valid_until() const {
    return handle_ ? time_of(::X509_get0_notAfter(x509_of(handle_)))
                   : std::chrono::system_clock::time_point();
}

bool certificate::is_authority() const {
    return handle_ && ::X509_check_ca(x509_of(handle_)) == 1;
}

bool certificate::is_signed_by(const certificate& authority) const {
    if (!handle_ || !authority.is_authority()) return false;
    X509* signer = x509_of(authority.handle_);
    const bool yes = ::X509_verify(x509_of(handle_), ::X509_get0_pubkey(signer)) == 1 &&
                     ::X509_NAME_cmp(::X509_get_issuer_name(x509_of(handle_)),
                                     ::X509_get_subject_name(signer)) == 0;
    (void)openssl_error();
    return yes;
}

std::string certificate::fingerprint() const {
    unsigned char bytes[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    if (!handle_ || ::X509_digest(x509_of(handle_), ::EVP_sha256(), bytes, &size) != 1) return {};
    constexpr std::string_view digits = "0123456789abcdef";
    std::string text;
    for (unsigned i = 0; i < size; ++i) {
        text += digits[bytes[i] >> 4U];
        text += digits[bytes[i] & 15U];
    }
    return text;
}

result<keyed_certificate> make_authority(const certificate_wish& wish) {
    return make(wish, nullptr, nullptr);
}

result<keyed_certificate> make_certificate(const certificate_wish& wish,
                                           const keyed_certificate& authority) {
    const auto from = detail::bio_of(authority.certificate);
    const auto signer = detail::next_certificate(*from);
    const auto key = detail::read_key(authority.key);
    if (!signer || !key || ::X509_check_ca(signer.get()) != 1 ||
        ::X509_check_private_key(signer.get(), key.get()) != 1) {
        (void)openssl_error();
        return fail("bad_authority", "that is no authority's certificate with its key");
    }
    return make(wish, signer.get(), key.get());
}

result<void> check_key(const keyed_certificate& c) {
    const auto from = detail::bio_of(c.certificate);
    const auto read = detail::next_certificate(*from);
    if (!read) return fail("bad_certificate", "no certificate in PEM: " + openssl_error());
    const auto key = detail::read_key(c.key);
    if (!key) return fail("bad_key", "no private key in PEM, or one with a password");
    if (::X509_check_private_key(read.get(), key.get()) == 1) return {};
    (void)openssl_error();
    return fail("bad_key", "the key belongs to another certificate");
}

bool is_certificate_host(std::string_view host) {
    constexpr std::size_t host_max = 253;
    if (host.empty() || host.size() > host_max) return false;
    if (detail::is_ip_address(std::string(host))) return true;
    if (host.starts_with("*.")) host.remove_prefix(2);
    return !host.empty() && host.front() != '.' && host.front() != '-' &&
           std::all_of(host.begin(), host.end(), [](char c) {
               return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                      c == '.' || c == '-' || c == '_';
           });
}

}  // namespace beam::io
