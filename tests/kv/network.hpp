// A network namespace for each node, with one between them where the coordinator is: what can be cut, wholly or one way. Only
// for root, and where there is ip.
#pragma once

#include <string>
#include <vector>

namespace test {

class kv_network {
public:
    /// Whether namespaces may be made here.
    [[nodiscard]] static bool is_possible();

    explicit kv_network(int nodes);
    ~kv_network();
    kv_network(const kv_network&) = delete;
    kv_network& operator=(const kv_network&) = delete;

    [[nodiscard]] std::string address(std::size_t node) const;
    [[nodiscard]] std::string hub_address() const;

    /// The command to run there.
    [[nodiscard]] std::vector<std::string> in_node(std::size_t node,
                                                   std::vector<std::string> command) const;
    [[nodiscard]] std::vector<std::string> in_hub(std::vector<std::string> command) const;

    /// From all the others, and from the coordinator.
    void cut(std::size_t node) const;
    void heal(std::size_t node) const;
    /// What `from` sends to `to` goes nowhere.
    void deafen(std::size_t from, std::size_t to) const;
    void hear(std::size_t from, std::size_t to) const;

private:
    [[nodiscard]] std::string space(std::size_t node) const;
    [[nodiscard]] std::string hub() const;

    int nodes_;
    std::string prefix_;
};

}  // namespace test
