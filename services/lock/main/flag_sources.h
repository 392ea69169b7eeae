// Where flags come from besides the command line: the environment, and a file. What is
// nearer to whoever starts the server wins: the command line, then the environment, then
// the file.
//
//     HOLDFAST_DATA_DIR=/var/lib/holdfast
//     HOLDFAST_LISTEN="unix:/run/holdfast/holdfast.sock,group=holdfast 127.0.0.1:7650"
//
//     # A file: one flag a line, repeated where the flag may be.
//     data-dir = /var/lib/holdfast
//     listen = unix:/run/holdfast/holdfast.sock,group=holdfast
//
// The project's clients have variables of their own, HOLDFAST_ADDRESS, HOLDFAST_KEY and
// HOLDFAST_TOKEN, so no flag may have one of these names. Variables that belong to no flag
// are left alone: orchestrators set some that begin alike.

#ifndef HOLDFAST_SERVICES_LOCK_MAIN_FLAG_SOURCES_H_
#define HOLDFAST_SERVICES_LOCK_MAIN_FLAG_SOURCES_H_

#include <CLI/App.hpp>
#include <string>

namespace holdfast {

// `HOLDFAST_DATA_DIR` of `data-dir`.
std::string VariableOf(std::string flag);

// Each gives the options of `app` that have no value yet the one that it finds. An empty
// variable is as good as none. REQUIRES: `app` has parsed the command line.
//
// Throws CLI::ValidationError, as parsing does, with a message that names the variable, or the
// file: a value that its option refuses, a flag that there is not, a file that cannot be
// read.
void SetFromEnvironment(CLI::App& app);
void SetFromFile(CLI::App& app, const std::string& path);

}  // namespace holdfast

#endif  // HOLDFAST_SERVICES_LOCK_MAIN_FLAG_SOURCES_H_
