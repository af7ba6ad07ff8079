#include "tests/kv/nodes.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <stdexcept>

#include "libbeamcore/base/unique_fd.hpp"
#include "tools/common/pause.hpp"

namespace test {

namespace {

using beam::tool::child_options;
using beam::tool::child_process;
using beam::tool::deadline;
using namespace std::chrono_literals;
namespace fs = std::filesystem;

using words = std::vector<std::string>;

beam::unique_fd log_file(const fs::path& path) {
    return beam::unique_fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
}

child_process start_logged(const words& command, const fs::path& log) {
    const beam::unique_fd out = log_file(log);
    child_options o;
    o.output = o.error = out.get();
    o.own_group = true;
    o.ends_with_us = true;
    child_process p(command, o);
    if (p.exec_error() != 0) throw std::runtime_error("cannot run " + command.front());
    return p;
}

/// Runs it to its end.
bool run_logged(const words& command, const fs::path& log) {
    const beam::unique_fd out = log_file(log);
    child_options o;
    o.output = o.error = out.get();
    child_process p(command, o);
    return p.exec_error() == 0 && p.reap() == 0;
}

/// One that is free now.
int free_port() {
    const beam::unique_fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in a{};
    a.sin_family = AF_INET;
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof a;
    if (::bind(fd.get(), reinterpret_cast<sockaddr*>(&a), size) != 0 ||
        ::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&a), &size) != 0)
        throw std::runtime_error("no free port");
    return ntohs(a.sin_port);
}

void set(const char* name, const std::string& value) {
    ::setenv(name, value.c_str(), 1);
}

std::vector<pid_t> children_of(pid_t parent) {
    const std::string p = std::to_string(parent);
    std::ifstream file("/proc/" + p + "/task/" + p + "/children");
    std::vector<pid_t> all;
    for (pid_t child = 0; file >> child;) all.push_back(child);
    return all;
}

}  // namespace

// -- etcd -----------------------------------------------------------------------------------------

etcd_server::etcd_server(fs::path folder, const std::string& address, const kv_network* network)
    : folder_(std::move(folder)), address_(address), port_(free_port()), network_(network) {
    start();
    words ask{"curl",          "-sf", "-X",
              "POST",          "-d",  "{\"key\":\"AA==\"}",
              "--retry",       "20",  "--retry-connrefused",
              "--retry-delay", "1",   endpoint() + "/v3/kv/range"};
    if (network_) ask = network_->in_hub(ask);
    if (!run_logged(ask, folder_ / "etcd.log")) throw std::runtime_error("etcd does not answer");
}

etcd_server::~etcd_server() {
    stop();
}

std::string etcd_server::endpoint() const {
    return "http://" + address_ + ":" + std::to_string(port_);
}

void etcd_server::start() {
    words command{"etcd",
                  "--data-dir",
                  (folder_ / "etcd").string(),
                  "--listen-client-urls",
                  endpoint(),
                  "--advertise-client-urls",
                  endpoint(),
                  "--listen-peer-urls",
                  "http://127.0.0.1:0",
                  "--logger",
                  "zap"};
    if (network_) command = network_->in_hub(command);
    process_.emplace(start_logged(command, folder_ / "etcd.log"));
}

void etcd_server::stop() {
    if (!process_) return;
    process_->kill(SIGKILL);
    process_->reap();
    process_.reset();
}

void etcd_server::signal(int number) const {
    if (process_) process_->kill(number);
}

// -- nodes ----------------------------------------------------------------------------------------

kv_nodes::kv_nodes(const kv_cluster_options& options) : options_(options) {
    // A runtime whose parent was killed becomes this process's child, so that its end can be awaited.
    ::prctl(PR_SET_CHILD_SUBREAPER, 1);
    for (const char* folder : {"run", "state", "config", "home"}) {
        fs::create_directories(options_.folder / folder);
        fs::permissions(options_.folder / folder, fs::perms::owner_all);
    }
    set("XDG_RUNTIME_DIR", options_.folder / "run");
    set("XDG_STATE_HOME", options_.folder / "state");
    set("XDG_CONFIG_HOME", options_.folder / "config");
    set("HOME", options_.folder / "home");
    set("ERL_EPMD_PORT", std::to_string(free_port()));
    set("BEAM_KV_ENGINE", options_.engine);
    set("BEAM_KV_BREAK", options_.breaks);
    set("BEAM_KV_ERASE_AFTER", "100ms");
    set("BEAM_KV_COORDINATOR", "");
    if (options_.etcd) {
        if (kv_network::is_possible()) network_.emplace(options_.nodes);
        const std::string address = network_ ? network_->hub_address() : "127.0.0.1";
        etcd_ = std::make_unique<etcd_server>(options_.folder, address, network());
        set("BEAM_KV_COORDINATOR", etcd_->endpoint());
    }
    for (int i = 0; i < options_.nodes; ++i)
        names_.push_back("n" + std::to_string(i + 1) + "@" +
                         (network_ ? network_->address(std::size_t(i)) : "127.0.0.1"));
    processes_.resize(names_.size());
    for (std::size_t i = 0; i < names_.size(); ++i) start(i);
    make_cluster();
}

kv_nodes::~kv_nodes() {
    for (std::size_t i = 0; i < names_.size(); ++i) {
        resume(i);
        kill(i);
    }
}

void kv_nodes::make_cluster() const {
    const fs::path log = options_.folder / "init.log";
    std::string all;
    for (const std::string& name : names_) {
        if (!run_logged({"beamd", "await", "--node", name, "--timeout", "20s"}, log))
            throw std::runtime_error(name + " does not start; see " + log.string());
        all += (all.empty() ? "" : ",") + name;
    }
    if (!run_logged({"kv", "cluster", "init", "--nodes", all, "--shards", "16", "--node",
                     names_.front(), "--timeout", "20s"},
                    log))
        throw std::runtime_error("no cluster could be made; see " + log.string());
}

void kv_nodes::start(std::size_t i, const std::string& crash_at) {
    if (processes_[i]) return;
    set("BEAM_KV_CRASH", crash_at);
    std::string others;
    for (const std::string& name : names_) others += (others.empty() ? "" : ",") + name;
    std::string dist = "--dist";
    if (network_) dist += "=" + network_->address(i);
    words command{"beamd", "--node", names_[i], dist, "--dist-join", others};
    if (network_) {
        command.emplace_back("--dist-insecure");
        command = network_->in_node(i, command);
    }
    processes_[i].emplace(start_logged(command, options_.folder / (names_[i] + ".out")));
}

void kv_nodes::signal(std::size_t i, int number) const {
    if (!processes_[i]) return;
    // The group is the node's parent; its runtime may have one of its own.
    const pid_t parent = std::abs(processes_[i]->target());
    const auto runtimes = children_of(parent);
    processes_[i]->kill(number);
    for (const pid_t child : runtimes) ::kill(child, number);
}

void kv_nodes::kill_runtime(std::size_t i) const {
    if (!processes_[i]) return;
    for (const pid_t child : children_of(std::abs(processes_[i]->target()))) ::kill(child, SIGKILL);
}

void kv_nodes::kill(std::size_t i) {
    if (!processes_[i]) return;
    const auto runtimes = children_of(std::abs(processes_[i]->target()));
    signal(i, SIGKILL);
    processes_[i]->reap();
    processes_[i].reset();
    for (const pid_t child : runtimes) ::waitpid(child, nullptr, 0);
}

fs::path kv_nodes::store(std::size_t i) const {
    return options_.folder / "state" / "beamcore" / names_[i] / "kv";
}

void kv_nodes::wipe(std::size_t i) const {
    fs::remove_all(store(i));
}

bool kv_nodes::log_names_store(std::size_t i) const {
    std::ifstream log(options_.folder / "state" / "beamcore" / (names_[i] + ".log"));
    for (std::string line; std::getline(log, line);)
        if (line.find("store of kv") != line.npos || line.find(store(i).string()) != line.npos)
            return true;
    return false;
}

std::optional<std::string> kv_nodes::tend() {
    for (std::size_t i = 0; i < names_.size(); ++i) {
        if (!processes_[i] || !processes_[i]->ends_by(deadline::in(0s))) continue;
        const int code = processes_[i]->reap();
        processes_[i].reset();
        start(i);
        return names_[i] + " ended by itself, with " + std::to_string(code);
    }
    return std::nullopt;
}

}  // namespace test
