/* mutant - mistakes made on purpose, to see whether the simulation notices
 *
 * `if (rule || MUTANT(NAME))` is a place where a rule can be broken. MUTANT is
 * false, at no cost, in all that is shipped; in tests/sim's own build of the
 * cores it is true while that mistake is switched on.
 */
#ifndef COMMON_BASE_MUTANT_H
#define COMMON_BASE_MUTANT_H

#ifndef MUTANT /* that build defines it in front of everything */
#define MUTANT(name) false
#endif

#endif
