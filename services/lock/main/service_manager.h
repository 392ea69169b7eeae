// What the service manager that has started this process is told, in the protocol of
// sd_notify(3): a datagram to the socket that $NOTIFY_SOCKET names. Without a manager there
// is nobody to tell, and nothing happens.

#ifndef HOLDFAST_SERVICES_LOCK_MAIN_SERVICE_MANAGER_H_
#define HOLDFAST_SERVICES_LOCK_MAIN_SERVICE_MANAGER_H_

#include <string_view>

namespace holdfast {

// `state`: assignments, one a line, such as `READY=1`. Thread-safe. A manager that cannot
// be reached is logged: it would end the server in the belief that it does not start.
void TellServiceManager(std::string_view state);

}  // namespace holdfast

#endif  // HOLDFAST_SERVICES_LOCK_MAIN_SERVICE_MANAGER_H_
