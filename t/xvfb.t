#!/usr/bin/perl

# Copyright (C) ngx_selkies authors
# SPDX-License-Identifier: BSD-2-Clause

# The X server's starter: number, cookie, sealed framebuffer, restart after a
# crash, and that nothing is left of it.

use strict;
use warnings;

use Cwd qw/ abs_path /;
use Errno qw/ EPERM /;
use Fcntl;
use File::Basename qw/ dirname /;
use File::Temp qw/ tempdir /;
use IO::Select;
use IPC::Open3;
use POSIX qw/ WNOHANG _exit /;
use Socket;
use Test::More;
use Time::HiRes qw/ time sleep /;

my $root = abs_path(dirname(__FILE__) . '/..');
my $starter = abs_path($ENV{BUILD_DIR} // "$root/build") . '/selkies-xvfb';

BAIL_OUT("$starter is not built") unless -x $starter;

my $tmp = tempdir('selkies-xvfb-t-XXXXXX', TMPDIR => 1, CLEANUP => 1);
my $base = 200 + $$ % 20000;
my $runs = 0;
my %alive;

use constant {
    OFFSET => 160 + 256 * 12, STRIDE => 7680 * 4, F_GET_SEALS => 1034,
    SEALS => 7, DEADLINE => 20
};

END { kill 'KILL', keys %alive }

###############################################################################

# The helper program: tells what it was given, answers questions about the
# framebuffer, ends when its stdin does.

my $inside = <<'END';
use Fcntl;
$| = 1;
my ($fd) = $ENV{SELKIES_FRAMEBUFFER} =~ /^fd:(\d+)$/;
open(my $fb, '<&=', $fd) or die;
print join('|', @ENV{qw/ DISPLAY SELKIES_DISPLAY XAUTHORITY /}, $fd), "\n";
while (<STDIN>) {
    if (/^flags$/) {
        print fcntl($fb, F_GETFL, 0) & O_ACCMODE, " ", fcntl($fb, 1034, 0),
            "\n";
    } elsif (/^size$/) {
        print join(' ', (stat $fb)[7, 12]), "\n";
    } elsif (/^truncate$/) {
        open(my $w, '+<', "/proc/self/fd/$fd") or die;
        print truncate($w, 10) ? 'done' : $! + 0, "\n";
    } elsif (/^pixel (\d+) (\d+)$/) {
        sysseek($fb, 3232 + $2 * 30720 + $1 * 4, 0);
        sysread($fb, my $pixel, 4);
        print join(' ', unpack('C3', $pixel)), "\n";
    } elsif (/^header$/) {
        sysseek($fb, 0, 0);
        sysread($fb, my $header, 100);
        print join(' ', (unpack('N25', $header))[0, 1, 4, 5, 12, 19]), "\n";
    } elsif (/^exit (\d+)$/) {
        exit $1;
    }
}
END

sub start {
    my (%args) = @_;
    my $run = $args{run} // "$tmp/run" . ++$runs;
    mkdir $run;

    my @command = @{ $args{command} // [ $^X, '-e', $inside ] };
    my $pid = open3(my $in, my $out, undef, $starter, '-r', $run,
        '-d', $args{number} // $base, @{ $args{options} // [] },
        '--', @command);

    $alive{$pid} = 1;

    my $x = { pid => $pid, in => $in, out => $out, run => $run };

    if (!$args{silent}) {
        my $line = reply($x);
        @$x{qw/ display selkies_display auth fd /} = split /\|/, $line;
        ($x->{number}) = ($x->{display} // '') =~ /^:(\d+)$/;
    }

    return $x;
}


sub reply {
    my ($x) = @_;
    my ($text, $c) = ('', '');
    my $select = IO::Select->new($x->{out});
    my $end = time() + DEADLINE;

    while ($select->can_read($end - time())) {
        sysread($x->{out}, $c, 1) or last;
        last if $c eq "\n";
        $text .= $c;
    }

    return $text;
}


sub ask {
    my ($x, $question) = @_;
    syswrite($x->{in}, "$question\n");
    return reply($x);
}


# Waits for the starter; undef and a kill where it does not end.

sub ended {
    my ($x) = @_;
    my $end = time() + DEADLINE;

    while (time() < $end) {
        if (waitpid($x->{pid}, WNOHANG) == $x->{pid}) {
            delete $alive{$x->{pid}};
            return $? & 127 ? "signal " . ($? & 127) : $? >> 8;
        }
        sleep 0.01;
    }

    return undef;
}


sub until_true {
    my ($check) = @_;
    my $end = time() + DEADLINE;

    while (time() < $end) {
        my $result = $check->();
        return $result if $result;
        sleep 0.01;
    }

    return 0;
}


sub lock_pid {
    my ($number) = @_;
    open my $f, '<', "/tmp/.X$number-lock" or return 0;
    return <$f> + 0;
}


# The setup of an X connection with a cookie, or without: (ok, width, height).

sub setup {
    my ($number, $cookie) = @_;
    my $name = defined $cookie ? 'MIT-MAGIC-COOKIE-1' : '';
    $cookie //= '';

    socket(my $s, PF_UNIX, SOCK_STREAM, 0) or die;
    connect($s, sockaddr_un("/tmp/.X11-unix/X$number")) or return;

    syswrite($s, pack('CxS4x2', 0x6c, 11, 0, length $name, length $cookie)
        . $name . "\0" x (-length($name) % 4)
        . $cookie . "\0" x (-length($cookie) % 4));

    my $text = '';
    while (length $text < 8
        || length $text < 8 + 4 * unpack('x6S', $text))
    {
        sysread($s, $text, 65536, length $text) or last;
    }

    my $status = unpack('C', $text) // 0;
    return 0 if $status != 1;

    my ($vendor, $formats) = unpack('x24Sx3C', $text);
    my $screen = 40 + $vendor + (-$vendor % 4) + 8 * $formats;

    return (1, unpack("x$screen x20SS", $text));
}


sub cookie {
    my ($x) = @_;
    open my $f, '<:raw', $x->{auth} or return '';
    local $/;
    return substr(<$f>, -16);
}


sub paint {
    my ($x, $colour) = @_;
    local %ENV = (%ENV, DISPLAY => $x->{display}, XAUTHORITY => $x->{auth});
    return system('xsetroot', '-solid', $colour) == 0;
}


sub left {
    my ($x, $number) = @_;
    return join ' ', grep { -e || -l } "/tmp/.X$number-lock",
        "/tmp/.X11-unix/X$number", "$x->{run}/Xauthority", "$x->{run}/fb";
}

###############################################################################

# one session

my $kept = "$tmp/kept";
mkdir $kept;
mkdir "$kept/folder";
symlink $tmp, "$kept/folder/link";

my $x = start(options => [ '-R', $kept ]);

cmp_ok($x->{number} // -1, '>=', $base, 'display number from the asked one up');
is($x->{selkies_display}, $x->{display}, 'SELKIES_DISPLAY');
is($x->{auth}, "$x->{run}/Xauthority", 'XAUTHORITY');
is($x->{fd}, 9, 'descriptor of the framebuffer');

my @stat = stat $x->{auth};
is($stat[2] & 07777, 0600, 'cookie is private');

open my $f, '<:raw', $x->{auth};
my $record = do { local $/; <$f> };
is(unpack('H*', substr($record, 0, 28)),
    'ffff00000000' . '0012' . unpack('H*', 'MIT-MAGIC-COOKIE-1') . '0010',
    'cookie is one record for all displays');

my $number = $x->{number};
my $cookie = cookie($x);
my $server = lock_pid($number);

ok($server && kill(0, $server), 'lock file of a living server');
open my $unix, '<', '/proc/net/unix';
is(scalar(grep { m{\@/tmp/\.X11-unix/X$number$} } <$unix>), 0,
    'no abstract socket');

is((setup($number))[0], 0, 'client without cookie is refused');
is((setup($number, 'x' x 16))[0], 0, 'client with a wrong cookie is refused');
is(join(' ', setup($number, $cookie)), '1 1024 768',
    'client with the cookie sees the first size');

is(ask($x, 'flags'), O_RDONLY . ' ' . SEALS, 'read-only and sealed');

my ($size, $blocks) = split / /, ask($x, 'size');
is($size, OFFSET + STRIDE * 4320, 'framebuffer of the largest size');
cmp_ok($blocks * 512, '<', 12 * 1024 * 1024, 'memory of the first size only');
is(ask($x, 'truncate'), EPERM, 'framebuffer cannot be truncated');
is(ask($x, 'header'), '160 7 7680 4320 30720 256', 'header of the file');

ok(paint($x, '#123456'), 'painted');
is(ask($x, 'pixel 1023 767'), '86 52 18', 'pixel read through the descriptor');

# a server that is killed

kill 'KILL', $server;
my $began = time();
ok(until_true(sub { (setup($number, $cookie))[1] }),
    'server is back with number and cookie');
note(sprintf 'server back after %d ms', (time() - $began) * 1000);
isnt(lock_pid($number), $server, 'it is another process');
ok(until_true(sub { join(' ', setup($number, $cookie)) eq '1 1024 768' }),
    'first size again');
ok(paint($x, '#654321'), 'painted again');
like(ask($x, 'pixel 5 6'), qr/^selkies-xvfb: Xvfb :$number ended \(signal 9\)/,
    'restart was told');
is(reply($x), '33 67 101', 'pixel in the same framebuffer');

# numbers in use

my $second = start(number => $number);
isnt($second->{number}, $number, 'number of a running server is not taken');

my $next = $second->{number} + 1;
socket(my $abstract, PF_UNIX, SOCK_STREAM, 0);
bind($abstract, sockaddr_un("\0/tmp/.X11-unix/X$next"));
listen($abstract, 1);
my $third = start(number => $next);
isnt($third->{number}, $next, 'number of an abstract socket is not taken');
close $abstract;

my $locked = $third->{number} + 1;
open $f, '>', "/tmp/.X$locked-lock";
printf $f "%10d\n", $$;
close $f;
my $fourth = start(number => $locked);
isnt($fourth->{number}, $locked, 'number with a lock is not taken');
unlink "/tmp/.X$locked-lock";

my $refused = start(run => $x->{run}, silent => 1);
like(reply($refused), qr/another desktop is running in "\Q$x->{run}\E"/,
    'directory in use is refused');
is(ended($refused), 1, 'exit code of it');
ok(-e "$x->{run}/Xauthority", 'and the running one keeps its cookie');

# ends with the command, whose code it passes on

ask($third, 'exit 7');
is(ended($third), 7, 'exit code of the command');
is(left($third, $third->{number}), '', 'nothing is left');

close $fourth->{in};
is(ended($fourth), 0, 'command ended');
is(left($fourth, $fourth->{number}), '', 'nothing is left of it');

# TERM

kill 'TERM', $x->{pid};
is(ended($x), 128 + 15, 'ended by TERM');
is(left($x, $number), '', 'nothing is left after TERM');
ok(!-e $kept, 'folder of -R is removed');
ok(-d $tmp, 'what a link in it names is not');

# killed: the children notice

my $orphan = lock_pid($second->{number});
kill 'KILL', $second->{pid};
ended($second);
ok(until_true(sub { !kill(0, $orphan) }), 'server ends with a killed starter');
ok(until_true(sub { !-e "/tmp/.X$second->{number}-lock" }), 'and its lock');

# a lock and a socket that a killed server left are no hindrance

my $stale = $base + 5000;
my $dead = fork();
_exit(0) if $dead == 0;
waitpid($dead, 0);
open $f, '>', "/tmp/.X$stale-lock";
printf $f "%10d\n", $dead;
close $f;
socket(my $socket, PF_UNIX, SOCK_STREAM, 0);
bind($socket, sockaddr_un("/tmp/.X11-unix/X$stale"));
close $socket;

my $again = start(number => $stale);
is($again->{number}, $stale, 'stale lock and socket are replaced');
close $again->{in};
is(ended($again), 0, 'ended');
is(left($again, $stale), '', 'and gone');

# deaf commands and their orphans

my $deaf = start(number => $base + 6000, command => [ 'sh', '-c', q{
    trap '' TERM
    (trap '' TERM HUP; exec setsid sleep 300) & sleep=$!
    echo "$DISPLAY|$sleep"
    sleep 301
} ]);
my ($deaf_number) = $deaf->{display} =~ /(\d+)/;
my $sleeper = $deaf->{selkies_display};
ok(kill(0, $sleeper), 'deaf orphan runs');
$began = time();
kill 'INT', $deaf->{pid};
sleep 0.1;
kill 'INT', $deaf->{pid};
ok(defined ended($deaf), 'second INT ends deaf command');
cmp_ok(time() - $began, '<', 5, 'in time');
ok(until_true(sub { !kill(0, $sleeper) }), 'deaf orphan is killed');
is(left($deaf, $deaf_number), '', 'nothing is left of them');

# what does not start

my $broken = start(options => [ '-x', "$tmp/none" ], silent => 1);
like(reply($broken), qr/^selkies-xvfb: Xvfb did not start: .*No such file/,
    'reason of a server that does not start');
is(ended($broken), 1, 'its exit code');
is(left($broken, $base), '', 'nothing is left of it');

for my $case ([ '-m', '7680' ], [ '-m', '7680x99999' ], [ '-m', '1x1' ],
    [ '-d', '-1' ], [ '-f', '2' ], [ '-i', '10x10x' ], [ '-y' ])
{
    my $bad = start(options => $case, silent => 1);
    isnt(reply($bad), '', "complaint about @$case");
    is(ended($bad), 2, 'and exit code 2');
}

my $small = start(number => $base + 7000,
    options => [ '-m', '801x601', '-i', '5000x400', '-f', '77', '-g' ]);
is(join(' ', setup($small->{number}, cookie($small))), '1 801 400',
    'first size within the largest, odd sides');
is($small->{fd}, 77, 'another descriptor');
is((stat $small->{auth})[2] & 07777, 0640, 'cookie for the group');
close $small->{in};
is(ended($small), 0, 'ended');

done_testing();
