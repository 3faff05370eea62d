export { DnsPeerFinder, type DnsPeerFinderOptions } from './discovery/dns.ts'
