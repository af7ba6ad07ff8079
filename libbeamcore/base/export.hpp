// Symbol visibility: libbeamcore is built hidden by default; what users may link to says so.
#pragma once

#define BEAM_EXPORT __attribute__((visibility("default")))
