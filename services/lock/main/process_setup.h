// What holdfastd asks of the operating system before it does anything else.
//
// A program that has this linked in need not call anything to have those of standard
// input, output and error that are closed at its start opened on nothing: otherwise the
// file that got number 2 would have every log line written into it.

#ifndef HOLDFAST_SERVICES_LOCK_MAIN_PROCESS_SETUP_H_
#define HOLDFAST_SERVICES_LOCK_MAIN_PROCESS_SETUP_H_

#include <functional>

namespace holdfast {

// To be called once, before the first thread starts, as threads inherit it:
//   - SIGTERM, SIGINT and the signals that change nothing wait for WaitForStopSignal.
//   - SIGPIPE is ignored: a client that has gone is an error of one write.
//   - As many file descriptors may be open as the system lets this process have.
void SetUpProcess();

// Returns when SIGTERM or SIGINT arrives, or has arrived since SetUpProcess, and
// which of them; or 0 after a WakeWaiter. Calls `on_hang_up` for a SIGHUP that arrives
// meanwhile. SIGUSR1 and SIGUSR2, whoever sends them, are logged and change nothing.
int WaitForStopSignal(const std::function<void()>& on_hang_up);

// Makes one WaitForStopSignal return 0, now or when it is called. From any thread.
void WakeWaiter();

// Sends what gRPC and protobuf have to say through our log, one event a line.
// gRPC's errors become warnings, because nothing that a client or its connection
// does is an error of this server's. What protobuf says about the messages of
// clients is dropped: they are told themselves.
void RouteLibraryLogs();

}  // namespace holdfast

#endif  // HOLDFAST_SERVICES_LOCK_MAIN_PROCESS_SETUP_H_
