# FILE becomes a C source with its bytes: page.html is PAGE_HTML, and
# PAGE_HTML_SIZE.
get_filename_component(name ${FILE} NAME)
string(TOUPPER ${name} name)
string(REPLACE "." "_" name ${name})
file(READ ${FILE} bytes HEX)
string(REGEX REPLACE "(..)" "0x\\1," bytes "${bytes}")
string(REGEX REPLACE "(................................................................................)"
       "\\1\n" bytes "${bytes}")
file(WRITE ${MADE} "#include <stddef.h>
extern const unsigned char ${name}[];
extern const size_t ${name}_SIZE;
const unsigned char ${name}[] = {
${bytes}0};
const size_t ${name}_SIZE = sizeof ${name} - 1;
")
