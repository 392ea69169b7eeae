// A folder with everything below it, as a value.

#ifndef HOLDFAST_TESTS_CRASH_POINTS_DISK_IMAGE_H_
#define HOLDFAST_TESTS_CRASH_POINTS_DISK_IMAGE_H_

#include <map>
#include <string>

namespace holdfast {

// From the path within the folder to the content. A directory's path ends with a
// slash, and its content is empty. Directories are there for themselves: that of
// "a/b" is "a/".
using DiskImage = std::map<std::string, std::string>;

// REQUIRES: there are only files and directories below `folder`.
DiskImage TakeDiskImage(const std::string& folder);

// Replaces what is below `folder`, which is made if need be. Ends the process if
// it cannot.
void PutDiskImage(const DiskImage& image, const std::string& folder);

}  // namespace holdfast

#endif  // HOLDFAST_TESTS_CRASH_POINTS_DISK_IMAGE_H_
