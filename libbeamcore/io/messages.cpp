#include "libbeamcore/io/messages.hpp"

#include "libbeamcore/io/listener.hpp"
#include "libbeamcore/io/os_port.hpp"
#include "libbeamcore/io/signals.hpp"

BEAM_DEFINE_DESCRIPTOR(beam::io::data);
BEAM_DEFINE_DESCRIPTOR(beam::io::line);
BEAM_DEFINE_DESCRIPTOR(beam::io::passive);
BEAM_DEFINE_DESCRIPTOR(beam::io::end_of_input);
BEAM_DEFINE_DESCRIPTOR(beam::io::end_of_output);
BEAM_DEFINE_DESCRIPTOR(beam::io::writable);
BEAM_DEFINE_DESCRIPTOR(beam::io::readable);
BEAM_DEFINE_DESCRIPTOR(beam::io::accepted);
BEAM_DEFINE_DESCRIPTOR(beam::io::accept_failed);
BEAM_DEFINE_DESCRIPTOR(beam::io::signal_received);
BEAM_DEFINE_DESCRIPTOR(beam::io::exit_status);
BEAM_DEFINE_DESCRIPTOR(beam::io::exited);
