// Ctrl-C: the first cancels the request, the second ends the tool at once.
#pragma once

namespace beam::tool {

/// Makes SIGINT readable at interrupt_fd(), and a second one exit with 130. Once a process.
void catch_interrupts();

/// Readable after the first Ctrl-C; -1 before catch_interrupts().
[[nodiscard]] int interrupt_fd();

[[nodiscard]] bool is_interrupted();

/// As Ctrl-C does, from any thread: for a tool that ends while a request is under way.
void interrupt();

/// Throws `interrupted` after Ctrl-C.
void check_interrupted();

}  // namespace beam::tool
