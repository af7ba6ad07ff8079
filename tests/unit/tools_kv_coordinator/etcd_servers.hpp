// etcd for tests: a real one, of one or more members, on free ports and in a folder of its own.
#pragma once

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "libbeamcore/base/unique_fd.hpp"
#include "tests/support/certificates.hpp"
#include "tests/unit/tools_kv_coordinator/clusters.hpp"
#include "tools/kv/coordinator/http_client.hpp"

namespace test {

/// Where etcd is; if it is missing, that is said once.
inline const std::optional<std::string>& etcd_program() {
    static const std::optional<std::string> found = []() -> std::optional<std::string> {
        for (const char* path : {"/usr/bin/etcd", "/usr/local/bin/etcd"})
            if (::access(path, X_OK) == 0) return path;
        MESSAGE("skipped, with all that needs it: etcd is missing; try: scripts/setup test");
        return std::nullopt;
    }();
    return found;
}

/// Ports that nobody has now.
inline std::vector<int> free_ports(std::size_t n) {
    std::vector<int> ports;
    std::vector<beam::unique_fd> open;
    for (std::size_t i = 0; i < n; ++i) {
        beam::unique_fd s(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
        sockaddr_in a{};
        a.sin_family = AF_INET;
        a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof a;
        REQUIRE(::bind(s.get(), reinterpret_cast<sockaddr*>(&a), size) == 0);
        REQUIRE(::getsockname(s.get(), reinterpret_cast<sockaddr*>(&a), &size) == 0);
        ports.push_back(ntohs(a.sin_port));
        open.push_back(std::move(s));
    }
    return ports;
}

/// For the test's own thread: its members are killed when the thread that started them ends.
class etcd_servers {
public:
    enum class tls { none, server, both };  ///< whose certificates

    explicit etcd_servers(std::size_t members = 1, tls t = tls::none)
        : with_tls_(t != tls::none),
          of_clients_(t == tls::both),
          ports_(free_ports(2 * members)),
          pids_(members, -1) {
        if (with_tls_) write_certificates();
        for (std::size_t i = 0; i < members; ++i) start(i);
        for (std::size_t i = 0; i < members; ++i) await(i);
    }
    etcd_servers(const etcd_servers&) = delete;
    etcd_servers& operator=(const etcd_servers&) = delete;
    ~etcd_servers() {
        for (std::size_t i = 0; i < pids_.size(); ++i) kill(i);
    }

    [[nodiscard]] std::string endpoint(std::size_t i = 0) const {
        return std::string(with_tls_ ? "https" : "http") +
               "://127.0.0.1:" + std::to_string(ports_[2 * i]);
    }
    [[nodiscard]] int port(std::size_t i = 0) const { return ports_[2 * i]; }
    [[nodiscard]] kv::etcd_options options() const {
        kv::etcd_options o;
        for (std::size_t i = 0; i < pids_.size(); ++i) o.endpoints.push_back(endpoint(i));
        if (with_tls_) o.ca_file = ca_file();
        if (of_clients_) o.certificate_file = dir_ / "client.pem", o.key_file = dir_ / "client.key";
        o.lease = 3s;
        return o;
    }
    [[nodiscard]] std::string ca_file() const { return dir_ / "ca.pem"; }

    void start(std::size_t i) {
        const std::string n = std::to_string(i);
        std::string all;
        for (std::size_t m = 0; m < pids_.size(); ++m)
            all += (m ? ",m" : "m") + std::to_string(m) + "=" + peer(m);
        std::vector<std::string> args{*etcd_program(),
                                      "--name=m" + n,
                                      "--data-dir=" + data_dir(i),
                                      "--listen-client-urls=" + endpoint(i),
                                      "--advertise-client-urls=" + endpoint(i),
                                      "--listen-peer-urls=" + peer(i),
                                      "--initial-advertise-peer-urls=" + peer(i),
                                      "--initial-cluster=" + all,
                                      "--heartbeat-interval=50",
                                      "--election-timeout=500",
                                      "--logger=zap",
                                      "--log-outputs=" + (dir_ / ("log" + n))};
        if (with_tls_) {
            args.push_back("--cert-file=" + (dir_ / "server.pem"));
            args.push_back("--key-file=" + (dir_ / "server.key"));
        }
        if (of_clients_) {
            args.push_back("--client-cert-auth");
            args.push_back("--trusted-ca-file=" + ca_file());
        }
        std::vector<char*> argv;
        for (std::string& a : args) argv.push_back(a.data());
        argv.push_back(nullptr);
        const std::string log = dir_ / ("out" + n);
        pids_[i] = ::fork();
        REQUIRE(pids_[i] >= 0);
        if (pids_[i] != 0) return;
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        const int out = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
        ::dup2(out, 1);
        ::dup2(out, 2);
        ::execv(argv[0], argv.data());
        ::_exit(127);
    }
    /// Until it answers.
    void await(std::size_t i) const {
        const auto end = in(30s);
        while (!post(i, "kv/range", R"({"key":"eA=="})")) {
            int status = 0;
            REQUIRE(::waitpid(pids_[i], &status, WNOHANG) == 0);
            REQUIRE(std::chrono::steady_clock::now() < end);
        }
    }
    void kill(std::size_t i) {
        if (pids_[i] <= 0) return;
        ::kill(pids_[i], SIGKILL);
        ::waitpid(std::exchange(pids_[i], -1), nullptr, 0);
    }
    void pause(std::size_t i) const { ::kill(pids_[i], SIGSTOP); }
    void go_on(std::size_t i) const { ::kill(pids_[i], SIGCONT); }
    /// With its memory, or without.
    void restart(std::size_t i, bool keeps_data = true) {
        kill(i);
        if (!keeps_data) std::filesystem::remove_all(data_dir(i));
        start(i);
        await(i);
    }
    /// Of one that does not run.
    void copy_data(std::size_t i, const std::string& name) const {
        std::filesystem::copy(data_dir(i), dir_ / name, std::filesystem::copy_options::recursive);
    }
    void put_data_back(std::size_t i, const std::string& name) const {
        std::filesystem::remove_all(data_dir(i));
        std::filesystem::rename(dir_ / name, data_dir(i));
    }
    [[nodiscard]] std::size_t leader() const {
        for (std::size_t i = 0; i < pids_.size(); ++i) {
            const auto s = post(i, "maintenance/status", "{}");
            if (s && s->at("leader") == s->at("header").at("member_id")) return i;
        }
        FAIL("etcd has no leader");
        return 0;
    }

    /// What a success says; any answer will do for the other one.
    std::optional<nlohmann::json> post(std::size_t i, const std::string& path,
                                       const std::string& body,
                                       const std::string& authorization = {}) const {
        kv::http_options tls;
        if (with_tls_) tls.ca_file = ca_file();
        if (of_clients_)
            tls.certificate_file = dir_ / "client.pem", tls.key_file = dir_ / "client.key";
        kv::http_client http(tls);
        auto a = http.post({endpoint(i) + "/v3/" + path, body, authorization}, in(2s));
        if (!a || a->status != 200) return std::nullopt;
        return nlohmann::json::parse(a->body, nullptr, false);
    }
    nlohmann::json ask(const std::string& path, const std::string& body,
                       const std::string& authorization = {}) const {
        auto answer = post(0, path, body, authorization);
        REQUIRE_MESSAGE(answer.has_value(), path);
        return *answer;
    }

private:
    [[nodiscard]] std::string peer(std::size_t i) const {
        return "http://127.0.0.1:" + std::to_string(ports_[2 * i + 1]);
    }
    [[nodiscard]] std::string data_dir(std::size_t i) const {
        return dir_ / ("data" + std::to_string(i));
    }
    void write_certificates() const {
        const authority a;
        const auto mine = a.sign(wish("etcd", {"127.0.0.1"}));
        std::ofstream(ca_file()) << a.own().certificate;
        std::ofstream(dir_ / "server.pem") << mine.certificate;
        std::ofstream(dir_ / "server.key") << mine.key;
        const auto client = a.sign(wish("kv"));
        std::ofstream(dir_ / "client.pem") << client.certificate;
        std::ofstream(dir_ / "client.key") << client.key;
    }

    folder dir_;
    const bool with_tls_;
    const bool of_clients_;
    const std::vector<int> ports_;
    std::vector<pid_t> pids_;
};

/// A place for a cluster in an etcd of one member, which all tests of this program share.
class etcd_world {
public:
    static bool is_there() { return etcd_program().has_value(); }

    std::unique_ptr<kv::coordinator> open(const std::string& = {},
                                          const std::string& uuid = {}) const {
        kv::etcd_options o = options();
        o.uuid = uuid;
        return value_of(kv::open_coordinator(o));
    }
    kv::etcd_options options() const {
        kv::etcd_options o = server().options();
        o.cluster = name_;
        return o;
    }
    static etcd_servers& server() {
        static etcd_servers one;
        return one;
    }

private:
    static std::string next_name() {
        static int n = 0;
        return "test" + std::to_string(++n);
    }
    const std::string name_ = next_name();
};

}  // namespace test
