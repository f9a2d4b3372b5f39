// Both servers listen on every interface of the machine and have no setting for it: here they get 127.0.0.1.
const net = require('node:net')

const listen = net.Server.prototype.listen
net.Server.prototype.listen = function (...given) {
  if (typeof given[0] === 'number' && typeof given[1] !== 'string') given.splice(1, 0, '127.0.0.1')
  return listen.apply(this, given)
}
