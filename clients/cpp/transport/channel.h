// A channel as every client of ours wants it, the command line included.

#ifndef HOLDFAST_CLIENTS_CPP_TRANSPORT_CHANNEL_H_
#define HOLDFAST_CLIENTS_CPP_TRANSPORT_CHANNEL_H_

#include <grpcpp/channel.h>

#include <memory>
#include <string>

#include "holdfast/time.h"

namespace holdfast::core {

// Whether to ask over a silent connection if there is still somebody.
enum class Keepalive { kOn, kOff };

// To the server at `address`, over a connection of its own, which is made when the first
// call is. A connection that is lost is sought again with pauses of up to `longest_pause`.
std::shared_ptr<grpc::Channel> OpenChannel(const std::string& address, Duration longest_pause,
                                           Keepalive keepalive = Keepalive::kOn);

}  // namespace holdfast::core

#endif  // HOLDFAST_CLIENTS_CPP_TRANSPORT_CHANNEL_H_
