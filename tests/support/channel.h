// Channels that do not share connections.

#ifndef HOLDFAST_TESTS_SUPPORT_CHANNEL_H_
#define HOLDFAST_TESTS_SUPPORT_CHANNEL_H_

#include <memory>
#include <string>

#include "grpcpp/channel.h"

namespace holdfast {

// A channel with a connection of its own. (gRPC lets channels to one address
// share a connection unless it is told otherwise.) After a lost connection it
// tries again within a fraction of a second, so that tests of restarts are fast.
std::shared_ptr<grpc::Channel> OwnChannel(const std::string& address);

// Such a channel that takes only a few bytes of a stream at a time: the server
// cannot finish a message of more than that before the test reads it.
std::shared_ptr<grpc::Channel> SlowChannel(const std::string& address);

}  // namespace holdfast

#endif  // HOLDFAST_TESTS_SUPPORT_CHANNEL_H_
